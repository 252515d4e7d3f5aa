"""Wording of remedies: what is an argument in Python is an option on the command line."""

OPTIONS = {
    "spacing=398e-9": "--spacing 398e-9",
    "spacing=(dz, dy, dx)": "--spacing dz,dy,dx",
    "shape=(nz, ny, nx)": "--shape nz,ny,nx",
    'dtype="uint8"': "--dtype uint8",
    'order="F"': "--order F",
    "outside=label": "--outside label",
    "phases={0: 'pore', 1: …}": '--phases "0=pore,1=…"',
    ", or pass a twin.Material": "",
    "lithiation={'NMC': (reference, now)}": '--lithiation "NMC=reference:now"',
    "materials={'pore': 'LP30', 'NMC': 'NMC532', …}": '--materials "pore=LP30,NMC=NMC532,…"',
    "first=2 runs": "--first 2 runs",
    "pass allow_large_strain=True": "set allow_large_strain = true below [mechanics] in a --config",
}


def as_typed(message: str) -> str:
    """The message with the arguments that it names written as options."""
    for argument, option in OPTIONS.items():
        message = message.replace(argument, option)
    return message
