"""Kernels of the material-point method: points carry matter, a forgotten grid their motion.

The grid has a node at the centre of every cell. Points are sorted by cell: cell i has the points
``first[i]`` … ``first[i + 1]`` - 1, and a point lies at ``f`` from its node, in cell edges, within
about ±½. Weights are quadratic B-splines of the 27 nodes around, which add up to 1 and are right to
first order for any f, so that a point may leave its cell a little before points are sorted again.
Velocities leave out the uniform strain ``rate`` along axis 0, the motion of the lid.
"""

import functools
from types import SimpleNamespace

from solvers._ti import kernel, ti

# what a node needs of a point: f, momentum, its change along f, impulse of its stress, volume, mass
PACKET = 23
IMPULSE, VOLUME, MASS = 15, 21, 22
NODE = 4  # velocity and volume fraction
STATE, BOUND = 8, 7
GRADIENT = 4.0  # of quadratic B-splines: inverse second moment in cells
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
PLACE = ((0, 5, 4), (5, 1, 3), (4, 3, 2))  # of a tensor's components in Voigt order


@ti.func
def weight(r, f):
    """Weight of the node at r = -1, 0, 1 for a point at f."""
    w = 0.75 - f * f
    if r != 0:
        w = 0.5 * (0.5 + r * f) ** 2
    return w


@functools.cache
def build():
    """Kernels in float32: positions are kept as offsets within cells."""
    Reals = ti.types.ndarray(dtype=ti.f32, ndim=1)
    Indices = ti.types.ndarray(dtype=ti.i32, ndim=1)
    Shape = ti.types.vector(3, ti.i32)
    Triple = ti.types.vector(3, ti.f32)

    @kernel
    def gather(packet: Reals, first: Indices, node: Reals, shape: Shape, wrap: Shape,
               edge: Triple, damping: ti.f32):  # fmt: skip
        """Velocity and volume fraction of every node.

        Beyond a wall lies the mirror image of the body. ``damping`` is the share of a node's force
        that acts against its motion instead, so that what moves steadily is not held back.
        """
        for i in range(shape[0] * shape[1] * shape[2]):
            at = ti.Vector([i // (shape[1] * shape[2]), i // shape[2] % shape[1], i % shape[2]])
            momentum, impulse = ti.Vector.zero(ti.f32, 3), ti.Vector.zero(ti.f32, 3)
            mass, volume = ti.f32(0.0), ti.f32(0.0)
            for k in range(27):
                step = ti.Vector([k // 9 - 1, k // 3 % 3 - 1, k % 3 - 1])
                cell, r, turn = at + step, -step, ti.Vector([1.0, 1.0, 1.0])
                for a in ti.static(range(3)):
                    if cell[a] < 0 or cell[a] >= shape[a]:
                        if wrap[a] == 1:
                            cell[a] = (cell[a] + shape[a]) % shape[a]
                        else:  # the image of this cell, seen from the image of this node
                            cell[a] = at[a]
                            r[a] = -r[a]
                            turn[a] = -1.0
                j = (cell[0] * shape[1] + cell[1]) * shape[2] + cell[2]
                for p in range(first[j], first[j + 1]):
                    q = PACKET * p
                    d = ti.Vector([0.0, 0.0, 0.0])
                    w = ti.f32(1.0)
                    for a in ti.static(range(3)):
                        w *= weight(r[a], packet[q + a])
                        d[a] = r[a] - packet[q + a]
                    for a in ti.static(range(3)):
                        along, pushed = packet[q + 3 + a], ti.f32(0.0)
                        for b in ti.static(range(3)):
                            along += packet[q + 6 + 3 * a + b] * d[b]
                            pushed += packet[q + IMPULSE + ti.static(PLACE[a][b])] * d[b] / edge[b]
                        momentum[a] += w * turn[a] * along
                        impulse[a] -= w * turn[a] * pushed
                    volume += w * packet[q + VOLUME]
                    mass += w * packet[q + MASS]
            inverse = ti.f32(0.0)
            if mass > 0.0:
                inverse = 1.0 / mass
            for a in ti.static(range(3)):
                change = impulse[a] - damping * ti.abs(impulse[a]) * ti.math.sign(momentum[a])
                node[NODE * i + a] = inverse * (momentum[a] + change)
            node[NODE * i + 3] = volume / (edge[0] * edge[1] * edge[2])

    @kernel
    def move(node: Reals, packet: Reals, kind: Indices, cells: Indices, state: Reals, table: Reals,
             shape: Shape, wrap: Shape, edge: Triple, dt: ti.f32, rate: ti.f32, opens: ti.f32,
             closes: ti.f32, point_volume: ti.f32, far: Indices):  # fmt: skip
        """Move every point, strain it, let it flow, and write what the nodes need of it next.

        ``state`` has the deviatoric stress, in Voigt order, ln J, and whether it is bound, of each
        point; ``table`` has bulk modulus, shear modulus, yield stress and density of each kind. A
        point that is not bound lies at a gap and feels nothing along its normal, until ``closes``
        of the space around it is filled; it then is bound until less than ``opens`` is.
        """
        for p in kind:
            q, s, t = PACKET * p, STATE * p, 4 * kind[p]
            at = ti.Vector([cells[p] // (shape[1] * shape[2]), cells[p] // shape[2] % shape[1],
                            cells[p] % shape[2]])  # fmt: skip
            f = ti.Vector([packet[q], packet[q + 1], packet[q + 2]])
            u, slope = ti.Vector.zero(ti.f32, 3), ti.Vector.zero(ti.f32, 3)
            grad = ti.Matrix.zero(ti.f32, 3, 3)
            filled = ti.f32(0.0)
            for k in range(27):
                r = ti.Vector([k // 9 - 1, k // 3 % 3 - 1, k % 3 - 1])
                cell, turn, w = at + r, ti.Vector([1.0, 1.0, 1.0]), ti.f32(1.0)
                d = ti.Vector([0.0, 0.0, 0.0])
                for a in ti.static(range(3)):
                    w *= weight(r[a], f[a])
                    d[a] = r[a] - f[a]
                    if cell[a] < 0 or cell[a] >= shape[a]:
                        if wrap[a] == 1:
                            cell[a] = (cell[a] + shape[a]) % shape[a]
                        else:
                            cell[a] = at[a]
                            turn[a] = -1.0
                j = NODE * ((cell[0] * shape[1] + cell[1]) * shape[2] + cell[2])
                for a in ti.static(range(3)):
                    v = w * turn[a] * node[j + a]
                    u[a] += v
                    for b in ti.static(range(3)):
                        grad[a, b] += v * d[b] * (GRADIENT / edge[b])
                    slope[a] += w * node[j + 3] * d[a] * (GRADIENT / edge[a])
                filled += w * node[j + 3]
            flow = grad
            flow[0, 0] += rate
            strain = 0.5 * (flow + flow.transpose())
            spin = 0.5 * (flow - flow.transpose())
            normal = slope / (slope.norm() + 1e-12)
            across = ti.Matrix.identity(ti.f32, 3) - normal.outer_product(normal)
            bound = state[s + BOUND] > 0.5
            if filled < opens:
                bound = False
            elif filled >= closes:
                bound = True
            if not bound:
                strain = across @ strain @ across
            bulk, shear = table[t], table[t + 1]
            stress = ti.Matrix.zero(ti.f32, 3, 3)
            for c in ti.static(range(6)):
                a, b = ti.static(VOIGT[c])
                stress[a, b] = state[s + c]
                stress[b, a] = state[s + c]
            volume_rate = strain.trace()
            ln_j = state[s + 6] + dt * volume_rate
            stress += dt * (spin @ stress - stress @ spin)
            stress += (2.0 * shear * dt) * strain
            for a in ti.static(range(3)):
                stress[a, a] -= 2.0 * shear * dt * volume_rate / 3.0
            size = ti.sqrt(1.5) * stress.norm()
            if size > table[t + 2]:
                stress *= table[t + 2] / size
            for a in ti.static(range(3)):
                stress[a, a] += bulk * ln_j
            state[s + BOUND] = 1.0 if bound else 0.0
            if not bound:
                stress = across @ stress @ across
            third = stress.trace() / 3.0
            ln_j = third / bulk
            for c in ti.static(range(6)):
                a, b = ti.static(VOIGT[c])
                state[s + c] = stress[a, b] - (third if a == b else 0.0)
            state[s + 6] = ln_j
            mass = table[t + 3] * point_volume
            strayed = 0
            for a in ti.static(range(3)):
                f[a] += dt * u[a] / edge[a]
                packet[q + a] = f[a]
                packet[q + 3 + a] = mass * u[a]
                for b in ti.static(range(3)):
                    packet[q + 6 + 3 * a + b] = mass * grad[a, b] * edge[b]
                if ti.abs(f[a]) > 0.6:
                    strayed = 1
            for c in ti.static(range(6)):
                a, b = ti.static(VOIGT[c])
                packet[q + IMPULSE + c] = GRADIENT * dt * point_volume * stress[a, b]
            packet[q + VOLUME] = point_volume * ti.exp(ln_j)
            packet[q + MASS] = mass
            if strayed == 1:
                far[0] = 1

    return SimpleNamespace(gather=gather, move=move)
