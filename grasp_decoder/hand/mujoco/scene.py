# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Converts SDF models to one MuJoCo model: the hand, its object and a table top."""

from __future__ import annotations

from functools import cache

import mujoco
import numpy as np

from grasp_decoder.hand.object_models import object_model, object_sdf
from grasp_decoder.hand.sdf import Joint, Link, Model, Shape, hand_model, parse_model
from grasp_decoder.objects import GraspObject

TIMESTEP_S = 0.004
_TORSIONAL_FRICTION_M = 0.01
_ROLLING_FRICTION_M = 1e-4
_GEOMETRY = {
    'box': (mujoco.mjtGeom.mjGEOM_BOX, lambda size: [edge / 2 for edge in size]),
    'sphere': (mujoco.mjtGeom.mjGEOM_SPHERE, lambda size: [size[0], 0, 0]),
    'cylinder': (mujoco.mjtGeom.mjGEOM_CYLINDER, lambda size: [size[0], size[1] / 2, 0]),
}
VISUAL_GROUP, COLLISION_GROUP = 2, 3  # groups of shapes, to show or hide


@cache
def hand_scene(thing: GraspObject | None) -> mujoco.MjModel:
    """Return the compiled scene of the hand over this object, or over an empty table."""
    models = [hand_model()]
    if thing is not None:
        models.append(parse_model(object_sdf(object_model(thing)), thing.label))
    return compile_scene(*models)


def compile_scene(*models: Model) -> mujoco.MjModel:
    """Convert SDF models into one compiled scene.

    Angles are in radians. A body is named ``MODEL/LINK``; joints and their position actuators keep the names of joints.
    A link of no joint moves freely, by a free joint that is named after the model.
    """
    spec = mujoco.MjSpec()
    spec.option.timestep = TIMESTEP_S
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10
    spec.compiler.degree = False
    _add_table_and_lights(spec)
    for model in models:
        _add_model(spec, model)
    return spec.compile()


def _add_table_and_lights(spec: mujoco.MjSpec) -> None:
    """Add the table top, the sky and two lights."""
    world = spec.worldbody
    spec.visual.global_.offwidth, spec.visual.global_.offheight = 1280, 960
    spec.add_texture(
        name='sky',
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.97, 0.98, 1.0],
        rgb2=[0.72, 0.78, 0.85],
        width=256,
        height=256,
    )
    world.add_geom(
        name='table',
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[1.5, 1.5, 0.05],
        rgba=[0.86, 0.84, 0.80, 1],
        friction=[1, _TORSIONAL_FRICTION_M, _ROLLING_FRICTION_M],
        condim=4,
    )
    spec.visual.map.shadowclip, spec.visual.quality.shadowsize = 4, 4096
    sun = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    world.add_light(type=sun, pos=[0, 0.3, 1], dir=[0.25, -0.35, -0.9], diffuse=[0.7, 0.7, 0.7], castshadow=True)
    world.add_light(type=sun, pos=[0, 0, 1], dir=[-0.6, 0.7, -0.4], diffuse=[0.25, 0.25, 0.27], castshadow=False)


def _add_model(spec: mujoco.MjSpec, model: Model) -> None:
    joint_of_child = {joint.child: joint for joint in model.joints}
    placed = {link.name: model.pose.matrix() @ link.pose.matrix() for link in model.links}
    bodies = {'world': (spec.worldbody, np.eye(4))}
    for link in model.links:
        joint = joint_of_child.get(link.name)
        parent, parent_matrix = bodies[joint.parent if joint else 'world']
        position, quaternion = _position_quaternion(np.linalg.inv(parent_matrix) @ placed[link.name])
        body = parent.add_body(name=f'{model.name}/{link.name}', pos=position, quat=quaternion)
        bodies[link.name] = body, placed[link.name]
        _add_link(body, link)
        if joint is None:
            body.add_freejoint(name=model.name)
        else:
            _add_joint(spec, body, joint)


def _add_link(body: mujoco.MjsBody, link: Link) -> None:
    body.mass, body.ipos, body.inertia = link.mass, link.centre_of_mass, link.inertia
    body.explicitinertial = True
    for shape in link.collisions:
        _add_shape(
            body,
            shape,
            group=COLLISION_GROUP,
            friction=[shape.friction, _TORSIONAL_FRICTION_M, _ROLLING_FRICTION_M],
            condim=4,
        )
    for shape in link.visuals:
        _add_shape(body, shape, group=VISUAL_GROUP, rgba=shape.rgba, contype=0, conaffinity=0)


def _add_shape(body: mujoco.MjsBody, shape: Shape, **options) -> None:
    kind, size = _GEOMETRY[shape.kind]
    position, quaternion = _position_quaternion(shape.pose.matrix())
    body.add_geom(type=kind, size=size(shape.size), pos=position, quat=quaternion, **options)


def _add_joint(spec: mujoco.MjSpec, body: mujoco.MjsBody, joint: Joint) -> None:
    kind = mujoco.mjtJoint.mjJNT_SLIDE if joint.kind == 'prismatic' else mujoco.mjtJoint.mjJNT_HINGE
    body.add_joint(
        name=joint.name,
        type=kind,
        axis=joint.axis,
        range=[joint.lower, joint.upper],
        damping=joint.damping,
        limited=mujoco.mjtLimited.mjLIMITED_TRUE,
    )
    actuator = spec.add_actuator(
        name=joint.name,
        target=joint.name,
        trntype=mujoco.mjtTrn.mjTRN_JOINT,
        ctrlrange=[joint.lower, joint.upper],
        forcerange=[-joint.effort, joint.effort],
    )
    actuator.set_to_position(kp=joint.stiffness)


def _position_quaternion(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    quaternion = np.empty(4)
    mujoco.mju_mat2Quat(quaternion, matrix[:3, :3].flatten())
    return matrix[:3, 3], quaternion
