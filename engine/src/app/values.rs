//! What is kept with a spark: a value of the application, and one of each type for plugins.

use std::any::Any;

use crate::guard;

/// Values of any type. Most sparks have none, and most of the others have the application's alone,
/// which takes one box and no list.
#[derive(Default)]
pub(crate) struct Values(Option<Box<dyn Any>>);

/// Once a plugin keeps something, too.
#[derive(Default)]
struct Several {
    state: Option<Box<dyn Any>>,
    /// One of each type.
    own: Vec<Box<dyn Any>>,
}

impl Values {
    /// Keeps the application's value, in the place of one of any type.
    pub(crate) fn set_state(&mut self, state: Box<dyn Any>) {
        let before = match self.several_mut() {
            Some(several) => several.state.replace(state),
            None => self.0.replace(state),
        };
        drop(before);
    }

    pub(crate) fn state<S: 'static>(&self) -> Option<&S> {
        let only = self.0.as_ref()?;
        match only.downcast_ref::<Several>() {
            None => only.downcast_ref(),
            Some(several) => several.state.as_ref()?.downcast_ref(),
        }
    }

    pub(crate) fn state_mut<S: 'static>(&mut self) -> Option<&mut S> {
        let only = self.0.as_mut()?;
        let state = match only.is::<Several>() {
            true => only.downcast_mut::<Several>()?.state.as_mut()?,
            false => only,
        };
        state.downcast_mut()
    }

    /// Takes the application's value, if it is of this type.
    pub(crate) fn take_state<S: 'static>(&mut self) -> Option<S> {
        let place = match self.several_mut() {
            Some(several) => &mut several.state,
            None => &mut self.0,
        };
        match place.take()?.downcast() {
            Ok(state) => Some(*state),
            Err(other) => {
                *place = Some(other);
                None
            }
        }
    }

    /// Keeps a value, in the place of the one of its type.
    pub(crate) fn set_own<V: 'static>(&mut self, value: V) {
        if self.several_mut().is_none() {
            let state = self.0.take();
            let own = Vec::with_capacity(1);
            self.0 = Some(Box::new(Several { state, own }));
        }
        if let Some(several) = self.several_mut() {
            match several.own.iter_mut().find_map(|own| own.downcast_mut()) {
                Some(place) => drop(std::mem::replace(place, value)),
                None => several.own.push(Box::new(value)),
            }
        }
    }

    pub(crate) fn own<V: 'static>(&self) -> Option<&V> {
        let several = self.0.as_ref()?.downcast_ref::<Several>()?;
        several.own.iter().find_map(|own| own.downcast_ref())
    }

    pub(crate) fn own_mut<V: 'static>(&mut self) -> Option<&mut V> {
        let several = self.several_mut()?;
        several.own.iter_mut().find_map(|own| own.downcast_mut())
    }

    pub(crate) fn take_own<V: 'static>(&mut self) -> Option<V> {
        let own = &mut self.several_mut()?.own;
        let place = own.iter().position(|value| value.is::<V>())?;
        Some(*own.swap_remove(place).downcast().ok()?)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|only| {
            let several = only.downcast_ref::<Several>();
            several.is_some_and(|several| several.state.is_none() && several.own.is_empty())
        })
    }

    fn several_mut(&mut self) -> Option<&mut Several> {
        self.0.as_mut()?.downcast_mut()
    }

    /// Drops them, each under a guard of its own, because two panics at once end the process.
    pub(crate) fn drop_guarded(mut self) {
        if let Some(several) = self.several_mut() {
            guard::drop_value(several.state.take());
            several.own.drain(..).for_each(guard::drop_value);
        }
        guard::drop_value(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn there_is_one_state_and_one_value_of_each_type() {
        let mut values = Values::default();
        assert_eq!(values.own::<u8>(), None);
        values.set_state(Box::new(1_u8));
        for turn in 0..2 {
            values.set_own(2_u8 + turn);
            values.set_own("text");
            assert_eq!(values.state::<u8>(), Some(&1));
        }
        assert_eq!(values.own::<u8>(), Some(&3));
        *values.own_mut::<u8>().unwrap() += 1;
        *values.state_mut::<u8>().unwrap() += 9;
        assert_eq!(values.take_state::<u16>(), None);
        assert_eq!(values.take_state::<u8>(), Some(10));
        assert_eq!(values.state::<u8>(), None);
        assert_eq!(
            (values.take_own::<u8>(), values.own::<u8>()),
            (Some(4), None)
        );
        assert_eq!(values.own::<&str>(), Some(&"text"));
        values.set_state(Box::new("state"));
        assert_eq!(values.state::<&str>(), Some(&"state"));
    }

    #[test]
    fn the_application_alone_has_no_list() {
        let mut values = Values::default();
        values.set_state(Box::new(1_u8));
        values.set_state(Box::new("other"));
        assert_eq!(values.state::<u8>(), None);
        assert!(values.several_mut().is_none());
        assert_eq!(size_of::<Values>(), size_of::<Box<dyn Any>>());
    }

    /// Counts its end, which is a panic.
    struct Bomb(Rc<Cell<u32>>);

    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            panic!("dropped");
        }
    }

    #[test]
    fn values_that_panic_when_they_are_dropped_do_so_alone() {
        let count = Rc::new(Cell::new(0));
        let mut values = Values::default();
        values.set_state(Box::new(Bomb(Rc::clone(&count))));
        values.set_own(Bomb(Rc::clone(&count)));
        values.set_own(Some(Bomb(Rc::clone(&count))));
        values.drop_guarded();
        assert_eq!(count.get(), 3);
    }
}
