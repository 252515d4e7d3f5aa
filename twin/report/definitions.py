"""Definitions: what every quantity is called, where it stands on the page, and what it means."""

from dataclasses import dataclass

TOPICS = {
    "composition": "Composition",
    "connectivity": "Connectivity",
    "interfaces": "Interfaces",
    "tpb": "Triple-phase boundary",
    "ions": "Transport of ions",
    "electrons": "Transport of electrons",
    "phases": "Relative transport through other single phases",
    "other": "Other quantities",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One quantity: human name, topic, meaning in words, formula as trusted HTML.

    ``share`` marks fractions, which are shown in percent.
    """

    title: str
    topic: str
    words: str
    formula: str = ""
    share: bool = False


def definition(name: str) -> Definition:
    """The definition of a quantity; one made of its name where none was written."""
    plain = Definition(name.replace("_", " ").capitalize(), "other", "")
    return DEFINITIONS.get(name, plain)


def position(name: str) -> int:
    """Where a quantity stands on the page; after all others where none was written."""
    return list(DEFINITIONS).index(name) if name in DEFINITIONS else len(DEFINITIONS)


DEFINITIONS = {  # in the order of the page
    "volume_fraction": Definition(
        "Volume fraction",
        "composition",
        "Voxels of the phase over all voxels of the electrode; voxels marked as outside do not "
        "count. The porosity is the fraction of the voxels labelled pore: pores too small for the "
        "image, such as those inside the carbon-binder domain, are not in it.",
        "ε = <i>N</i><sub>phase</sub> / <i>N</i><sub>electrode</sub>",
        share=True,
    ),
    "percolating_fraction": Definition(
        "Percolating",
        "connectivity",
        "The part of the phase that lies in clusters which touch both outer faces normal to the "
        "axis. Two voxels are connected if they share a face (6 neighbours). Half of the unknown "
        "part is contained in its ±.",
        "<i>N</i><sub>touches both faces</sub> / <i>N</i><sub>phase</sub>",
        share=True,
    ),
    "isolated_fraction": Definition(
        "Isolated",
        "connectivity",
        "The part of the phase in clusters that touch no face of the volume: surely cut off.",
        "<i>N</i><sub>touches no face</sub> / <i>N</i><sub>phase</sub>",
        share=True,
    ),
    "unknown_fraction": Definition(
        "Unknown",
        "connectivity",
        "The rest: clusters that leave the field of view without spanning it along the axis. "
        "Whether they are connected outside the image cannot be seen in it.",
        "1 − percolating − isolated",
        share=True,
    ),
    "interface_area": Definition(
        "Between two phases",
        "interfaces",
        "Area of the boundary between two phases per volume of electrode. Unlike neighbours are "
        "counted along the 13 directions to neighbouring voxels (Crofton), which corrects for "
        "the steps of a voxel surface; the faces of the volume are no boundary. Pore to active "
        "material is the area on which the reaction can take place.",
        "<i>S</i><sub>AB</sub> = 2 Σ<sub><i>d</i></sub> <i>w<sub>d</sub> n<sub>d</sub></i> / "
        "(<i>N<sub>d</sub></i> |<i>d</i>|): of <i>N<sub>d</sub></i> pairs of voxels one step "
        "<i>d</i> apart, <i>n<sub>d</sub></i> hold A and B; <i>w<sub>d</sub></i> are weights",
    ),
    "specific_surface_area": Definition(
        "All of a phase",
        "interfaces",
        "Area of the boundary of a phase with all other phases per volume of electrode (not per "
        "volume of the phase): the sum of its interface areas.",
        "<i>S</i><sub>A</sub> = Σ<sub>B</sub> <i>S</i><sub>AB</sub>",
    ),
    "tpb_density_total": Definition(
        "Total length",
        "tpb",
        "Length of the lines at which three phases meet, per volume of electrode: voxel edges "
        "around which all three occur, times 2/3, by which a staircase exceeds a line in a random "
        "direction. Expect it 10 to 20 % too high in random structures and up to 40 % where a "
        "phase ends in a sharp wedge.",
        "<i>L</i><sub>V</sub> = ⅔ Σ <i>ℓ</i><sub>edge</sub> / <i>V</i>",
    ),
    "tpb_density_active": Definition(
        "Active",
        "tpb",
        "The part at which each of the three phases belongs to a cluster that spans the volume "
        "along the through-plane axis. Half of the unknown part is contained in its ±.",
    ),
    "tpb_density_isolated": Definition(
        "Isolated",
        "tpb",
        "The part at which one of the phases belongs only to clusters that touch no face of the "
        "volume: surely cut off.",
    ),
    "tpb_density_unknown": Definition(
        "Unknown", "tpb", "The rest: a larger volume would have to decide."
    ),
    "relative_diffusivity": Definition(
        "Relative diffusivity",
        "ions",
        "Effective diffusivity of the electrode over that of the free medium, when only this "
        "phase conducts. Also called transport efficiency.",
        "<i>D</i><sub>eff</sub> / <i>D</i><sub>0</sub>",
    ),
    "tortuosity_factor": Definition(
        "Tortuosity factor",
        "ions",
        "How much slower the phase conducts than straight channels of the same volume fraction "
        "would. This is the factor, not its square root (the tortuosity of path lengths). "
        "All voxels of the phase count in ε.",
        "τ = ε <i>D</i><sub>0</sub> / <i>D</i><sub>eff</sub>",
    ),
    "percolating_tortuosity_factor": Definition(
        "Tortuosity factor, percolating part",
        "ions",
        "The same with only the connected part of the phase in ε.",
        "τ<sub>p</sub> = ε<sub>percolating</sub> <i>D</i><sub>0</sub> / <i>D</i><sub>eff</sub>",
    ),
    "macmullin_number": Definition(
        "MacMullin number",
        "ions",
        "Conductivity of the free medium over the effective one.",
        "<i>N</i><sub>M</sub> = <i>D</i><sub>0</sub> / <i>D</i><sub>eff</sub> = τ / ε",
    ),
    "effective_ionic_conductivity": Definition(
        "Effective ionic conductivity",
        "ions",
        "Conductivity for ions of the homogeneous block that carries the same current. Pores "
        "conduct with the bulk conductivity of the electrolyte, nanoporous phases with their own.",
        "σ<sub>eff</sub> = <i>I L</i> / (<i>A</i> Δφ)",
    ),
    "ionic_tortuosity_factor": Definition(
        "Tortuosity factor, all ion conductors",
        "ions",
        "The tortuosity factor for ions through pores and nanoporous phases together. ε is the "
        "sum over the conducting phases of volume fraction times nanoporosity (1 for pores).",
        "τ = ε σ<sub>0</sub> / σ<sub>eff</sub>, ε = Σ ε<sub>phase</sub> × nanoporosity",
    ),
    "percolating_ionic_tortuosity_factor": Definition(
        "Tortuosity factor, all ion conductors, percolating part",
        "ions",
        "The tortuosity factor of all ion conductors with only their connected part in ε.",
        "τ<sub>p</sub> = ε<sub>percolating</sub> σ<sub>0</sub> / σ<sub>eff</sub>",
    ),
    "ionic_macmullin_number": Definition(
        "MacMullin number, all ion conductors",
        "ions",
        "Conductivity of the free electrolyte over the effective ionic conductivity.",
        "<i>N</i><sub>M</sub> = σ<sub>0</sub> / σ<sub>eff</sub>",
    ),
    "effective_electronic_conductivity": Definition(
        "Effective electronic conductivity",
        "electrons",
        "Conductivity for electrons of the homogeneous block that carries the same current.",
        "σ<sub>eff</sub> = <i>I L</i> / (<i>A</i> Δφ)",
    ),
    "electronic_tortuosity_factor": Definition(
        "Electronic tortuosity factor",
        "electrons",
        "How much worse the solid network conducts than straight columns of its phases side by "
        "side would. σ₀ is the conductivity of the best conductor, ε the sum of volume "
        "fractions, each weighted with its conductivity relative to that.",
        "τ = ε σ<sub>0</sub> / σ<sub>eff</sub>, ε = Σ ε<sub>phase</sub> σ<sub>phase</sub> / "
        "σ<sub>0</sub>",
    ),
}

CONVENTIONS = (
    (
        "Transport",
        "div(σ grad φ) = 0 on the voxels, with finite volumes. The two electrodes lie on the "
        "outer faces of the volume, half a voxel from the first voxel centres; no flux through "
        "the sides. Two neighbouring voxels conduct as two half voxels in series.",
    ),
    (
        "Axes",
        "Arrays are ordered (z, y, x). The first voxel along an axis is its low end.",
    ),
    (
        "Resolution",
        "All numbers hold for the labelled voxels. Steps at curved interfaces cost several "
        "percent when a particle is fewer than about 20 voxels wide.",
    ),
)
