"""Published values of calendered NMC cathodes beside the series that calendering.py records.

A row has what is compared, ours with half the range between samples, the published value and the
band that counts as agreement. Bands were set before anything was computed: what the source gives;
else ten per cent of a number that was read off a figure or is one of two that should agree; else,
for the real cathode, two standard deviations between crops of the size that was pressed. A row
without a band asks only for the direction. ``verified`` rows were read at the source, and ``words``
says where; all others are quoted from a digest.
"""

import itertools
import math

LIM = "J. Lim et al., Small 21 (2025) 2410485, doi:10.1002/smll.202410485"
NGANDJONG = "A. C. Ngandjong, T. Lombardo et al., J. Power Sources 485 (2021) 229320, "
NGANDJONG += "doi:10.1016/j.jpowsour.2020.229320"
SANGROS = "C. Sangrós Giménez et al., Powder Technol. 349 (2019) 1, "
SANGROS += "doi:10.1016/j.powtec.2019.03.020"
LANDESFEIND = "J. Landesfeind et al., J. Electrochem. Soc. (2018), doi:10.1149/2.0231803jes"
USSEGLIO = "F. L. E. Usseglio-Viretta et al., J. Electrochem. Soc. (2018), doi:10.1149/2.0731814jes"
MATBOX = "the public volume nmc-1-cal of MATBOX (NREL), measured with the same functions"
DIGITISED = 0.1
DENSE = (
    "our binder lets no ions through and takes a quarter of the voids there. Without it the pores "
    "have 2.4, and the same particles packed at once at 28 % and without binder 2.2, pressed there "
    "2.4 (recorded under `packing`; between plates, which leave layers of 50 % at lid and floor, "
    "2.6)"
)
PLACES = (
    "particles of the image at random places have the mean of its tortuosity factors over three "
    "axes, but not its anisotropy: those of the real cathode lie flat on each other since it was "
    "coated, and pressing from 50 to 40 % turns them little. Eight samples have 3.32 neighbours"
)
SPREAD = (
    "per volume all areas grow by a fifth, with the density; per solid, pressing adds 6 % towards "
    "the pores and takes 3 % towards NMC. Particles at random places touch less than those of the "
    "image and have a tenth more surface, over which the binder of the loose layer is spread. "
    "Tried in vain: binder carried by a smooth field of displacements (areas within 1 %); what is "
    "squeezed out put into necks first (pore–CBD .87e5); its placement calibrated after pressing "
    "(NMC–CBD 1.74e5)"
)
BALANCE = (
    "ours is the mass balance alone. The fractions quoted of the electrode pressed to 3.6 g/cm³ "
    "(69.0 % NMC, 46.2 % before) belong to 3.43 g/cm³, so density and fractions disagree there"
)
BINDER = (
    "new contacts between rigid particles on voxels count in full. One measured conductivity "
    "cannot tell binder from NMC: with a poorer binder the growth is less, but never as small as "
    "measured; at 400 nm the binder's network is barely connected, differently in each sample"
)
LAW = (
    "three points fix the law, so that their errors go into it. Each point from a fit to the other "
    "four: .441, .355, .286, .257 instead of .416, .372, .295, .217; the shape of the law misses"
)
CONVENTION = (
    "the digest does not say which pores count in ε D₀/D. Its porosities are the labelled ones, "
    "and with those all three numbers agree (rows below)"
)
EXPLAINED = {  # rows that miss, by quantity
    "pore tortuosity factor with binder over without, porosity 35 to 25 %": "inside at 35 % (1.60) "
    "and 30 % (1.73), above at 25 % (1.96). Our binder is dense, and takes a third of the voids "
    "there; its nanopores, which conduct, halve the tortuosity factor of the NMC111 at 27 %",
    "tortuosity factor of the pores without binder at 40 %": "the image itself has an exponent of "
    ".93 at 48 %, and pressing keeps it (.94 at 40, .97 at 30 %): through-plane, with flat "
    "particles, it is another electrode",
    "the same without binder, through": PLACES,
    "area pore–CBD, 1/m": SPREAD,
    "neighbours of a particle": PLACES,
    "area NMC–CBD, 1/m": SPREAD,
    "porosity at 4.0 g/cm³": BALANCE,
    "porosity at 3.6 g/cm³": BALANCE,
    "electronic conductivity at 3.6 g/cm³, S/m": BINDER,
    "electronic conductivity at 4.0 over that at 2.3 g/cm³": BINDER,
    "tortuosity factor of the pores at 3.6 g/cm³": DENSE,
    "the same at a porosity of 21.8 %": DENSE,
    "porosity at 42.7 MPa": LAW,
    "porosity at 79.1 MPa": LAW,
    "tortuosity factor with all pores as the porosity, 41.6 %": CONVENTION,
    "tortuosity factor with all pores as the porosity, 27.2 %": CONVENTION,
    "tortuosity factor with all pores as the porosity, last over first": CONVENTION,
}
POROSITY_READ = 0.01  # absolute, of a porosity that was read off a figure


def compared(record):
    """Rows of all series that the record holds."""
    parts = {"nrel": real_rows, "copy": copy_rows, "nmc622": lim_rows, "nmc111": ngandjong_rows}
    rows = [row for part, make in parts.items() if part in record for row in make(record)]
    return rows + (sangros_rows(record["compaction"]) if "compaction" in record else [])


def row(series, quantity, ours, published, band, direction, **more):
    """``direction`` is the published sign of the change with pressing, ``change`` is ours."""
    value, spread = ours
    change = more.pop("change", None)
    known = {"role": "validation", "verified": False, "words": "", "where": ""} | more
    return {
        "series": series,
        "quantity": quantity,
        "ours": value,
        "uncertainty": spread,
        "published": published,
        "band": band,
        "inside": None if band is None else band[0] <= value <= band[1],
        "sign_right": None if direction is None else direction * change > 0,
        "explanation": EXPLAINED.get(quantity, ""),
        **known,
    }


def over(samples, value):
    """Mean and half the range over samples."""
    found = [value(sample) for sample in samples]
    return sum(found) / len(found), (max(found) - min(found)) / 2


def around(value, relative=DIGITISED):
    return [value * (1 - relative), value * (1 + relative)]


def at(states, name, key, value):
    """A quantity between two states, on a straight line of logarithms."""
    points = sorted((state[key], state[name]) for state in states)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 <= value <= x1:
            part = (value - x0) / (x1 - x0)
            return math.exp((1 - part) * math.log(y0) + part * math.log(y1))
    raise ValueError(f"{value} is not between {points[0][0]} and {points[-1][0]}")


def flat(state):
    """A state with its first tortuosity factor alone."""
    return state | {
        "tau": state["tortuosity"][0],
        "skeleton_tau": state["skeleton_tortuosity"][0],
        "binder_ratio": state["tortuosity"][0] / state["skeleton_tortuosity"][0],
    }


def real_rows(record):
    states = [flat(state) for state in record["nrel"]["states"]]
    pressed = states[1:]
    usual = [state["binder_ratio"] for state in pressed if state["porosity"] > 0.24]
    mean = (sum(usual) / len(usual), (max(usual) - min(usual)) / 2)
    lowest = min(usual)
    ratio = row(
        "real cathode, pressed",
        "pore tortuosity factor with binder over without, porosity 35 to 25 %",
        mean,
        "1.35 to 1.81",
        [1.35, 1.81],
        None,
        source=USSEGLIO,
        verified=True,
        where="abstract",
        words="the actual tortuosities would be 1.35–1.81 times higher for calendered electrodes",
    )
    ratio["inside"] = all(1.35 <= value <= 1.81 for value in usual)
    binder = row(
        "real cathode, pressed",
        "the same: does binder raise it?",
        (lowest, 0.0),
        "above 1",
        None,
        +1,
        change=lowest - 1,
        source=LANDESFEIND,
        verified=True,
        where="abstract",
        words="the distribution of the polymeric binder phase … is a key reason for the "
        "underestimated tortuosity values calculated from 3D reconstructions",
    )
    bare = [flat(state) for state in record["nrel"]["bare"]]
    skeleton = next(state["tau"] for state in bare if abs(state["porosity"] - 0.4) < 0.005)
    tau = row(
        "real cathode, pressed",
        "tortuosity factor of the pores without binder at 40 %",
        (skeleton, 0.0),
        "1.77 ± .06 (NMC), 1.73 ± .03 (NCA)",
        [1.70, 1.83],
        +1,
        change=skeleton - bare[0]["tau"],
        source=LANDESFEIND,
        where="Table II, tomography",
    )
    exponents = [-math.log(s["tau"]) / math.log(s["porosity"]) for s in states]
    used = [
        a for a, s in zip(exponents, states, strict=True) if s in pressed and s["porosity"] > 0.24
    ]
    exponent = row(
        "real cathode, pressed",
        "Bruggeman exponent of the pores with binder, porosity 35 to 25 %",
        (sum(used) / len(used), (max(used) - min(used)) / 2),
        "1.23 (NMC, impedance: 3.1 ± .3 at 40 %)",
        [1.12, 1.34],
        None,
        source=LANDESFEIND,
        where="Table II, impedance",
    )
    coordination = row(
        "real cathode, pressed",
        "neighbours of a particle, porosity 38 to 20 %, last over first",
        (pressed[-1]["coordination_tracked"] / pressed[-1]["coordination_before"], 0.0),
        "1.41-fold from 42 to 22 %, contacts without binder",
        None,
        +1,
        change=pressed[-1]["coordination_tracked"] - pressed[-1]["coordination_before"],
        source=SANGROS,
        where="text, simulation: 1.55 to 2.19",
    )
    return [ratio, binder, tau, exponent, coordination]


COPIED = {
    "pore tortuosity factor, through": lambda s: s["tortuosity"][0],
    "pore tortuosity factor, in plane": lambda s: (s["tortuosity"][1] + s["tortuosity"][2]) / 2,
    "its ratio, through over in plane": lambda s: (
        2 * s["tortuosity"][0] / (s["tortuosity"][1] + s["tortuosity"][2])
    ),
    "the same without binder, through": lambda s: s["skeleton_tortuosity"][0],
    "area pore–NMC, 1/m": lambda s: s["areas"]["pore-NMC"],
    "area pore–CBD, 1/m": lambda s: s["areas"]["pore-CBD"],
    "area NMC–CBD, 1/m": lambda s: s["areas"]["NMC-CBD"],
    "neighbours of a particle": lambda s: s["coordination"],
}
CALIBRATED = {"area pore–CBD, 1/m"}  # the quantity by which binder is placed, though elsewhere
RISES = {"pore tortuosity factor, through", "pore tortuosity factor, in plane"}
RISES |= {"the same without binder, through", "neighbours of a particle", "area NMC–CBD, 1/m"}


def copy_rows(record):
    """The pressed copy beside crops of the real cathode."""
    samples, crops = record["copy"]["samples"], record["copy"]["real"]
    rows = [_placement(record["copy"]["outgrowth"])]
    for name, value in COPIED.items():
        there = [value(crop) for crop in crops]
        mean = sum(there) / len(there)
        deviation = math.sqrt(sum((x - mean) ** 2 for x in there) / (len(there) - 1))
        ours = over(samples, lambda sample, value=value: value(sample["after"]))
        before = over(samples, lambda sample, value=value: value(sample["before"]))
        rows.append(
            row(
                "generated, pressed from 50 % to the real one's 40 %",
                name,
                ours,
                f"{mean:.4g} ± {deviation:.2g}",
                [mean - 2 * deviation, mean + 2 * deviation],
                +1 if name in RISES else None,
                change=ours[0] - before[0],
                source=MATBOX,
                verified=True,
                where=f"{len(crops)} crops of the size of the sample",
                words="measured here",
                role="calibration" if name in CALIBRATED else "validation",
            )
        )
    return rows


def _placement(found):
    """The row by which the placement of binder is calibrated, on the particles of the image."""
    wanted = found["real"]["areas"]["pore-CBD"]
    return row(
        "generated, pressed from 50 % to the real one's 40 %",
        "area pore–CBD of our binder on the image's NMC, 1/m",
        (found["ours"]["areas"]["pore-CBD"], 0.0),
        f"{wanted:.4g}",
        around(wanted, 0.05),
        None,
        source=MATBOX,
        verified=True,
        where="the cube that is pressed above",
        words="measured here",
        role="calibration",
    )


def lim_rows(record):
    samples = [
        {"states": [flat(state) for state in sample["states"]]}
        for sample in record["nmc622"]["samples"]
    ]

    def state(sample, density):
        return next(s for s in sample["states"] if s["density"] == density)

    def of(name, density):
        return over(samples, lambda sample: state(sample, density)[name])

    def sigma(density, case=0):
        return over(samples, lambda sample: state(sample, density)["sigma"][case])

    def slope(sample, low, high):
        ends = [state(sample, density)["tau"] for density in (low, high)]
        return math.log(ends[1] / ends[0]) / (high - low)

    def about(quantity, ours, published, band, direction, change, where, **more):
        return row(
            "NMC622, two sizes", quantity, ours, published, band, direction, change=change,
            source=LIM, where=where, **more,
        )  # fmt: skip

    dense, loose = of("porosity", 4.0), of("porosity", 2.3)
    doubts = [sigma(4.0, case)[0] / sigma(2.3, case)[0] for case in range(3)]
    growth = (doubts[0], (max(doubts) - min(doubts)) / 2)
    jump = over(samples, lambda sample: slope(sample, 3.6, 4.0) / slope(sample, 2.3, 3.3))
    area = over(samples, lambda sample: state(sample, 3.6)["areas"]["NMC-CBD"])
    area_loose = over(samples, lambda sample: state(sample, 2.3)["areas"]["NMC-CBD"])
    at_36 = over(samples, lambda sample: at(sample["states"], "tau", "porosity", 0.218))
    tau_36 = of("tau", 3.6)
    return [
        about("porosity at 2.3 g/cm³", loose, "49 %", [0.485, 0.495], None, 0.0, "Fig. 1d",
              role="calibration"),
        about("electronic conductivity at 2.3 g/cm³, S/m", sigma(2.3), "0.9",
              around(0.9), None, 0.0, "Fig. 2c, read off", role="calibration"),
        about("porosity at 4.0 g/cm³", dense, "10 %", [0.10 - POROSITY_READ, 0.10 + POROSITY_READ],
              -1, dense[0] - loose[0], "Fig. 2b, read off"),
        about("porosity at 3.6 g/cm³", of("porosity", 3.6), "19 %",
              [0.19 - POROSITY_READ, 0.19 + POROSITY_READ], -1,
              of("porosity", 3.6)[0] - loose[0], "Fig. 2b, read off"),
        about("electronic conductivity at 3.6 g/cm³, S/m", sigma(3.6),
              "1.8 (theirs pressed), 1.9 (really pressed)", [1.62, 2.09], +1,
              sigma(3.6)[0] - sigma(2.3)[0], "text, Fig. S5"),
        about("electronic conductivity at 4.0 over that at 2.3 g/cm³", growth, "2.3",
              around(2.3), +1, growth[0] - 1, "text: +130 %"),
        about("tortuosity factor of the pores at 3.6 g/cm³", tau_36,
              "2.5 (theirs pressed), 2.6 (really pressed)", [2.25, 2.86], +1,
              tau_36[0] - of("tau", 2.3)[0], "text, Fig. 2d"),
        about("the same at a porosity of 21.8 %", at_36, "2.6 (really pressed)", around(2.6), +1,
              at_36[0] - of("tau", 2.3)[0], "text, Fig. 1e and 2d"),
        about("growth of ln τ per g/cm³, from 3.6 on over before 3.3", jump, "jumps: above 1", None,
              +1, jump[0] - 1, "Fig. 2d"),
        about("area of the NMC per its volume at 3.6 g/cm³, 1/m", of("area_per_nmc", 3.6),
              "7.04e5 (theirs pressed), 6.98e5 (really pressed)", [6.28e5, 7.74e5], -1,
              of("area_per_nmc", 3.6)[0] - of("area_per_nmc", 2.3)[0],
              "text; per which volume is not said"),
        about("area NMC–CBD, 2.3 to 3.6 g/cm³", (area[0] / area_loose[0], 0.0), "rises", None, +1,
              area[0] - area_loose[0], "Fig. 2f"),
    ]  # fmt: skip


def ngandjong_rows(record):
    samples = record["nmc111"]["samples"]

    rows = []
    for name, key in (
        ("tortuosity factor with all pores as the porosity", "ionic_tortuosity"),
        ("the same with the labelled pores", "ionic_tortuosity_of_labelled"),
    ):
        first, last, growth = (
            over(samples, lambda s, value=value, key=key: value(s["states"], key))
            for value in (
                lambda states, key: states[0][key],
                lambda states, key: states[2][key],
                lambda states, key: states[2][key] / states[0][key],
            )
        )
        series, change = "NMC111 with nanoporous binder", last[0] - first[0]
        common = {"source": NGANDJONG, "where": "Fig. 5, read off"}
        rows += [
            row(series, f"{name}, 41.6 %", first, "1.55", around(1.55), None, **common),
            row(series, f"{name}, 27.2 %", last, "1.95", around(1.95), +1, change=change, **common),
            row(series, f"{name}, last over first", growth, "1.26; by impedance 1.28",
                around(1.26), +1, change=change, **common | {"where": "Fig. 5 and Table 3"}),
        ]  # fmt: skip
    return rows


def sangros_rows(figures):
    common = {"source": SANGROS, "where": "Table 1"}
    rows = []
    for index, (stress, porosity) in enumerate(
        zip(figures["stresses"], figures["porosities"], strict=True)
    ):
        calibrates = index in figures["calibrates"]
        ours = figures["predicted"][index]
        rows.append(
            row(
                "NMC111, exponential law",
                f"porosity at {stress / 1e6:.1f} MPa",
                (ours, figures["fit"]["porosity_rms"]),
                f"{porosity:.3f}",
                around(porosity, 0.05),
                -1 if index else None,
                change=ours - figures["porosities"][0],
                role="calibration" if calibrates else "validation",
                **common,
            )
        )
    misses = [abs(a - b) for a, b in zip(figures["by_density"], figures["porosities"], strict=True)]
    return [
        *rows,
        row(
            "NMC111, mass balance",
            "porosity at 2.61 to 3.49 g/cm³ from that at 2.13, largest miss",
            (max(misses), 0.0),
            "0",
            [0.0, 0.005],
            None,
            **common,
        ),
    ]
