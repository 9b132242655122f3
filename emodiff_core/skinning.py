"""Linear blend skinning with pose correctives (Li et al. 2017, equations 1 to 5; Loper et al. 2015)."""

import torch
from torch import Tensor


def rotations(axis_angle: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3) in radians (Rodrigues), differentiable at zero."""
    angle = torch.sqrt((axis_angle**2).sum(-1, keepdim=True) + 1e-16)
    x, y, z = (axis_angle / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    sine, cosine = torch.sin(angle)[..., None], torch.cos(angle)[..., None]
    return torch.eye(3, dtype=x.dtype, device=x.device) + sine * cross + (1 - cosine) * (cross @ cross)


def corrected(vertices: Tensor, turns: Tensor, pose_basis: Tensor) -> Tensor:
    """Vertices (B, V, 3) with the correctives of the joints' rotations (B, J, 3, 3), the root's left out.

    pose_basis: (9*(J-1), V, 3), or empty.
    """
    if len(pose_basis) == 0:
        return vertices
    feature = (turns[:, 1:] - torch.eye(3, dtype=turns.dtype, device=turns.device)).flatten(1)
    return vertices + torch.einsum("bp,pvc->bvc", feature, pose_basis)


def skinned(vertices: Tensor, joints: Tensor, turns: Tensor, parents: tuple[int, ...], skinning: Tensor) -> Tensor:
    """Vertices (B, V, 3) carried by joints (B, J, 3) that turn by (B, J, 3, 3) in their parents' frames.

    parents: -1 for the root, a joint's parent stands before it; skinning: (V, J), rows sum to 1.
    """
    turn, place = [turns[:, 0]], [joints[:, 0]]
    for joint, parent in enumerate(parents[1:], start=1):
        bone = joints[:, joint] - joints[:, parent]
        place.append(place[parent] + (turn[parent] @ bone[..., None])[..., 0])
        turn.append(turn[parent] @ turns[:, joint])
    world, origin = torch.stack(turn, 1), torch.stack(place, 1)
    shift = origin - (world @ joints[..., None])[..., 0]
    mixed = torch.einsum("vj,bjkl->bvkl", skinning, world)
    return (mixed @ vertices[..., None])[..., 0] + torch.einsum("vj,bjk->bvk", skinning, shift)
