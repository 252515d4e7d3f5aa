"""Definitions: what every quantity is called, where it stands on the page, and what it means."""

import re
from dataclasses import dataclass

TOPICS = {
    "composition": "Composition",
    "connectivity": "Connectivity",
    "interfaces": "Interfaces",
    "tpb": "Triple-phase boundary",
    "ions": "Transport of ions",
    "electrons": "Transport of electrons",
    "phases": "Relative transport through other single phases",
    "elasticity": "Elastic stiffness and swelling",
    "stress": "Stress in the solids",
    "contact": "Contact of an interface",
    "other": "Other quantities",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One quantity: human name, topic, meaning in words, formula as trusted HTML.

    ``share`` marks fractions, which are shown in percent; ``unit`` is what others are shown in.
    """

    title: str
    topic: str
    words: str
    formula: str = ""
    share: bool = False
    unit: str = ""


def base_name(name: str) -> str:
    """The name of a quantity without its percentile: they share one definition."""
    return re.sub(r"(_interior)?_p\d+$", "", name)


def definition(name: str) -> Definition:
    """The definition of a quantity; one made of its name where none was written."""
    plain = Definition(name.replace("_", " ").capitalize(), "other", "")
    return DEFINITIONS.get(base_name(name), plain)


def position(name: str) -> int:
    """Where a quantity stands on the page; after all others where none was written."""
    known = base_name(name)
    return list(DEFINITIONS).index(known) if known in DEFINITIONS else len(DEFINITIONS)


MECHANICS = {
    "effective_youngs_modulus": Definition(
        "Effective Young's modulus",
        "elasticity",
        "Mean stress over mean strain when the electrode is pulled along the axis and free to "
        "contract across it. The mean is over the whole volume, voids included.",
        "<i>E</i> = 1 / <i>S</i><sub>ii</sub>, <i>S</i> = <i>C</i><sup>−1</sup>",
        unit="GPa",
    ),
    "confined_modulus": Definition(
        "Confined modulus",
        "elasticity",
        "The same with no mean strain across the axis, as in a cell whose current collector holds "
        "the electrode sideways. Also called P-wave or oedometric modulus.",
        "<i>C</i><sub>ii</sub>",
        unit="GPa",
    ),
    "effective_shear_modulus": Definition(
        "Effective shear modulus",
        "elasticity",
        "Mean shear stress over mean shear strain in the plane normal to the axis.",
        "<i>G</i> = 1 / <i>S</i><sub>ii</sub>",
        unit="GPa",
    ),
    "effective_swelling_strain": Definition(
        "Effective swelling strain",
        "elasticity",
        "Linear strain of the electrode from the reference to now if nothing held it. Positive "
        "where it grows.",
        "β = ⟨σ : ε*⟩ / Σ, σ being the stress under a unit stress Σ along the axis",
        share=True,
    ),
    "thickness_change": Definition(
        "Change of thickness",
        "elasticity",
        "Relative change of thickness from the reference to now while pressure and sides stay as "
        "they are: what a dilatometer shows.",
        share=True,
    ),
    "back_pressure": Definition(
        "Back-pressure at fixed gap",
        "elasticity",
        "Pressure that the change from the reference to now adds on plates that do not move; "
        "negative where the electrode shrinks away from them.",
        unit="MPa",
    ),
    "von_mises_stress": Definition(
        "Von Mises stress",
        "stress",
        "Equivalent stress of the distortion of a voxel, to be compared with a yield stress. "
        "Given as percentiles of the volume of each phase: on a staircase of voxels the largest "
        "stress has no limit, percentiles have one. “Interior” counts only voxels whose six "
        "neighbours are of the same phase.",
        "σ<sub>v</sub> = √(3/2 <i>s</i> : <i>s</i>), <i>s</i> = σ − tr σ/3",
        unit="MPa",
    ),
    "hydrostatic_stress": Definition(
        "Hydrostatic stress",
        "stress",
        "Mean of the three normal stresses; positive in tension.",
        "σ<sub>h</sub> = tr σ / 3",
        unit="MPa",
    ),
    "max_principal_stress": Definition(
        "Largest principal stress",
        "stress",
        "Largest tension in any direction, to be compared with a tensile strength.",
        unit="MPa",
    ),
    "volume_above_yield_stress": Definition(
        "Above the yield stress",
        "stress",
        "Share of the volume of the phase whose von Mises stress exceeds the yield stress of its "
        "material. Stress is linear elastic: nothing is relieved by flow.",
        share=True,
    ),
    "volume_above_tensile_strength": Definition(
        "Above the tensile strength",
        "stress",
        "Share of the volume of the phase whose largest principal stress exceeds the tensile "
        "strength of its material. Nothing is relieved by cracks.",
        share=True,
    ),
    "critical_flaw_size": Definition(
        "Critical flaw size",
        "stress",
        "Depth that a crack at a surface must have to grow under the largest principal stress, "
        "from the fracture toughness. Percentiles of the volume in tension: in 5 % of it flaws "
        "shorter than the first grow. Compare with the grains and the particles.",
        "<i>a</i> = (<i>K</i><sub>IC</sub> / (1.12 σ<sub>1</sub>))² / π",
        unit="nm",
    ),
    "floating_fraction": Definition(
        "Floating solids",
        "stress",
        "Share of the solids that no path through voxel faces joins to what holds the electrode. "
        "They swell freely.",
        share=True,
    ),
    "hourglass_share": Definition(
        "Energy in hourglasses",
        "stress",
        "Share of the elastic energy in deformations that leave the mean strain of a voxel as it "
        "is. Up to a tenth is sound.",
        share=True,
    ),
    "normal_traction": Definition(
        "Normal traction",
        "contact",
        "Stress across the bonded interface, smoothed over neighbouring faces; positive in "
        "tension. Percentiles of its true area.",
        "<i>t<sub>n</sub></i> = <i>n</i> · σ · <i>n</i>",
        unit="MPa",
    ),
    "shear_traction": Definition(
        "Shear traction",
        "contact",
        "Size of the stress along the bonded interface.",
        "<i>t<sub>s</sub></i> = |σ · <i>n</i> − <i>t<sub>n</sub> n</i>|",
        unit="MPa",
    ),
    "contact_area_fraction": Definition(
        "Contact area",
        "contact",
        "Share of the interface that touches: bonded, or come apart and pressed together. A "
        "screening, since tractions are those of the bonded interface.",
        share=True,
    ),
    "debonded_area_fraction": Definition(
        "Come apart",
        "contact",
        "Share of the interface that came apart on the way from the reference to now, whether it "
        "touches or not. What came apart stays so.",
        share=True,
    ),
}

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
    **MECHANICS,
}

ELASTICITY = (
    "Mechanics",
    "div σ = 0 with σ = C : (ε − ε*) on the voxels, each a trilinear finite element. Stress is "
    "positive in tension, pressure in compression. Electrolytes are voids. Every state is a sum of "
    "responses to unit loads.",
)

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
