# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A node with a life cycle: a lifecycle manager configures and activates it, or it does so itself (``autostart``)."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar, cast

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from grasp_decoder.nodes.entities import Entities
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.real_time import RealTime
from grasp_decoder.nodes.signals import cut_short, starting
from grasp_decoder.nodes.spin import spin
from grasp_decoder.system.node_settings import LifeSettings, RealTimeSettings
from grasp_decoder.types.setting import Settings

Filled = TypeVar('Filled', bound=Settings)
IDLE_S = 0.01
SUCCESS = TransitionCallbackReturn.SUCCESS


class ManagedNode(LifecycleNode):
    """Base of the lifecycle nodes: a subclass says what each transition does.

    The main thread calls `work` again and again while the node is active. Transitions run in the thread beside it
    (`spin`), never at the same time as `work`. The topics, services and timers that `configure` and `activate` make are
    destroyed by the transition back. A node that ends goes the same way back.
    """

    def __init__(self, name: str, *settings: type[Settings]):
        """``settings`` can be set while the node is not configured (`settings_of`)."""
        super().__init__(name)
        self._autostart = declare(self, LifeSettings).autostart
        self._real_time = RealTime(self, declare(self, RealTimeSettings))
        self._configured = self._active = False
        self._at_work, self._stopping = threading.Lock(), threading.Lock()
        self._before: list[Entities] = []
        self._failure: Exception | None = None
        self._settings = {kind: declare(self, kind, self._changed, lambda: self._configured) for kind in settings}

    def run(self) -> None:
        """Live until the process is to end.

        Raises:
            GraspDecoderError: with ``autostart``, the node cannot be configured or activated.
        """
        self._real_time.apply()
        try:
            for transition in (self.trigger_configure, self.trigger_activate) if self._autostart else ():
                with starting():
                    transition()
                    if self._failure is not None:
                        raise self._failure
            spin(self, self._turn, lambda: self._done(self._stop), self._real_time.step_back)
        finally:
            if self._configured:
                self.clean_up()

    def settings_of(self, kind: type[Filled]) -> Filled:
        """The values that the parameters have now."""
        return cast(Filled, self._settings[kind])

    @abstractmethod
    def configure(self) -> None:
        """Read and open what the settings name. A `GraspDecoderError` says why that cannot be."""

    @abstractmethod
    def activate(self) -> None:
        """Begin anew."""

    @abstractmethod
    def work(self) -> None:
        """Wait for a moment, and do what is due."""

    def deactivate(self) -> None:
        """Leave all in order before the node goes silent."""

    def clean_up(self) -> None:
        """Close what `configure` has opened."""

    def change(self, settings: Settings) -> None:
        """Take new values of dynamic settings. A `GraspDecoderError` refuses them."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        answer = self._made(self.configure)
        self._configured = answer == SUCCESS
        return answer

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        answer = self._made(self.activate)
        self._active = answer == SUCCESS
        return answer

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._done(self._stop)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._configured = False
        self._before.pop().destroy_later_ones()
        return self._done(self.clean_up)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        stopped = self._done(self._stop)
        return self.on_cleanup(state) if self._configured else stopped

    def _made(self, make: Callable[[], None]) -> TransitionCallbackReturn:
        """Call ``make``; what a failed one has made on the node is destroyed."""
        self._before.append(Entities(self))
        answer = self._done(make)
        if answer != SUCCESS:
            self._before.pop().destroy_later_ones()
        return answer

    def _done(self, step: Callable[[], None]) -> TransitionCallbackReturn:
        """Call ``step``, and say why it failed: rclpy would swallow the error."""
        self._failure = None
        try:
            step()
        except Exception as error:
            self._failure = error
            if not cut_short.is_set():
                self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        return SUCCESS

    def _stop(self) -> None:
        """Deactivate the node, if it is active. The process may end meanwhile."""
        with self._stopping:
            if not self._active:
                return
            self._active = False
            with self._at_work:
                self.deactivate()
            self._before.pop().destroy_later_ones()

    def _turn(self) -> bool:
        with self._at_work:
            if self._active:
                self.work()
                return True
        time.sleep(IDLE_S)
        return True

    def _changed(self, settings: Settings) -> None:
        self.change(settings)
        self._settings[type(settings)] = settings
