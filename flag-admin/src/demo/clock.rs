use std::cell::Cell;
use std::rc::Rc;

use flag_core::Timestamp;

use crate::app::ports::Clock;

/// A clock that goes on when the demonstration says so.
#[derive(Clone, Debug)]
pub(super) struct PlayedClock(Rc<Cell<Timestamp>>);

impl PlayedClock {
    pub(super) fn at(time: Timestamp) -> Self {
        Self(Rc::new(Cell::new(time)))
    }

    /// Lets time go by.
    pub(super) fn pass(&self, millis: i64) {
        self.set(self.now().saturating_add_millis(millis));
    }

    pub(super) fn set(&self, time: Timestamp) {
        self.0.set(time);
    }
}

impl Clock for PlayedClock {
    fn now(&self) -> Timestamp {
        self.0.get()
    }
}
