"""The same periodic elasticity by muGrid, whose compiled operator has the "full" element only.

    pip install muGrid==1.6.1

A peer of the multigrid solver. The wheels of muGrid on PyPI are built without MPI: it runs on one
core. It has no eigenstrain, so that the load is a macroscopic strain. Arrays are (z, y, x), which
muGrid takes as its own first, second and third axis.
"""

import importlib.metadata
import time

import numpy as np

PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def solve(
    labels,
    moduli,
    strain,
    *,
    spacing=(1.0, 1.0, 1.0),
    preconditioner="green-jacobi",
    tolerance=1e-6,
    max_iterations=2000,
):
    """Equilibrium under a macroscopic strain, with "green", "green-jacobi" or no preconditioner.

    Args:
        labels: integers of shape (nz, ny, nx).
        moduli: Lamé's (lambda, mu) in Pa of each label; labels not named are voids.
        strain: six numbers in the order 00 11 22 12 02 01, engineering shears.
        spacing: (dz, dy, dx) in m.
        preconditioner: whose reference medium has the mean moduli, muGrid's own choice.
        tolerance: relative residual.
        max_iterations: steps after which muGrid gives up.

    Returns:
        A dict with "mean_stress", "energy" per volume in J/m³, "iterations", "seconds" of the
        iterations, "setup_seconds", "released" (energy per volume that each step released),
        "clock" (seconds after it) and the "version" of muGrid.
    """
    import muGrid
    from muGrid.Preconditioners import (
        make_green_jacobi_preconditioner,
        make_reference_stiffness_preconditioner,
    )
    from muGrid.Solvers import conjugate_gradients

    started = time.perf_counter()
    spacing = [float(h) for h in spacing]
    engine = muGrid.FFTEngine(list(labels.shape), ghosts=1)
    operator = muGrid.IsotropicStiffnessOperator3D(spacing)
    lame, mu = (engine.real_space_field(name) for name in ("lame", "mu"))
    for which, values in enumerate((lame, mu)):
        values.p[...] = 0.0
        for label, pair in moduli.items():
            values.p[..., labels == label] = pair[which]
        engine.communicate_ghosts(values)
    b, u = (engine.real_space_field(name, components=(3,)) for name in ("b", "u"))
    E = np.zeros((3, 3))
    for (i, j), value in zip(PAIRS, strain, strict=True):
        E[i, j] += value / 2
        E[j, i] += value / 2
    operator.apply_macro_rhs(lame, mu, E.ravel().tolist(), b)
    b.s[...] *= -1
    u.s[...] = 0.0
    if preconditioner == "green-jacobi":
        inverse = make_green_jacobi_preconditioner(
            engine, operator, lame, mu, 3, element=muGrid.FEMElement.q1, grid_spacing=spacing
        )
    elif preconditioner == "green":
        inverse = make_reference_stiffness_preconditioner(
            engine,
            nb_components=3,
            element=muGrid.FEMElement.q1,
            grid_spacing=spacing,
            lambda_ref=float(lame.s.mean()),
            mu_ref=float(mu.s.mean()),
        )
    else:
        inverse = None
    volume = labels.size * np.prod(spacing)
    energies, clock, last = [], [], {}

    def apply(p, q):
        engine.communicate_ghosts(p)
        operator.apply(p, lame, mu, q)
        last["p K p"] = muGrid.linalg.vecdot(p, q)

    def note(iteration, state):
        if iteration:
            energies.append(0.5 * last["rz"] ** 2 / last["p K p"] / volume)
            clock.append(time.perf_counter() - ready)
        last["rz"] = state["rz"]

    setup = time.perf_counter() - started
    ready = time.perf_counter()
    conjugate_gradients(
        engine.communicator,
        engine.real_space_collection,
        b,
        u,
        apply,
        prec=inverse,
        rtol=tolerance,
        maxiter=max_iterations,
        callback=note,
    )
    engine.communicate_ghosts(u)
    sigma = np.reshape(operator.average_stress(u, lame, mu, E.ravel().tolist()), (3, 3)) / volume
    mean_stress = np.array([sigma[pair] for pair in PAIRS])
    return {
        "version": importlib.metadata.version("muGrid"),
        "mean_stress": mean_stress,
        "energy": float(mean_stress @ np.asarray(strain) / 2),
        "iterations": len(energies),
        "seconds": clock[-1],
        "setup_seconds": setup,
        "released": np.array(energies),
        "clock": np.array(clock),
    }
