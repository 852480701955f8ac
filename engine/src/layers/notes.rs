//! What layers have said about a request, which goes with it.

use std::any::Any;
use std::net::SocketAddr;

use allspark_protocol::http::Response;

use crate::guard;

/// What layers have said about a request. Most requests have none.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Whose request it is, if not that of the peer of its connection.
    pub(crate) address: Option<SocketAddr>,
    /// What it is answered if it is for no session that is there already.
    pub(crate) refusal: Option<Box<Response>>,
    /// Headers of its answer.
    headers: Vec<(Box<str>, Box<str>)>,
    attached: Attached,
}

impl Notes {
    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
    }

    pub(crate) fn attach(&mut self, value: Box<dyn Any + Send>) {
        self.attached.insert(value);
    }

    pub(crate) fn attached<V: 'static>(&self) -> Option<&V> {
        self.attached
            .0
            .iter()
            .find_map(|value| value.downcast_ref())
    }

    pub(crate) fn attached_mut<V: 'static>(&mut self) -> Option<&mut V> {
        let mut values = self.attached.0.iter_mut();
        values.find_map(|value| value.downcast_mut())
    }

    pub(crate) fn take_attached<V: 'static>(&mut self) -> Option<V> {
        let values = &mut self.attached.0;
        let place = values.iter().position(|value| value.is::<V>())?;
        let value = values.swap_remove(place).downcast().ok()?;
        Some(*value)
    }

    /// Whether nothing is attached.
    pub(crate) fn has_nothing_attached(&self) -> bool {
        self.attached.is_empty()
    }

    /// Takes over what was attached elsewhere.
    pub(crate) fn attach_all(&mut self, mut other: Attached) {
        for value in std::mem::take(&mut other.0) {
            self.attached.insert(value);
        }
    }

    /// Takes what was attached, if something was. Headers and address stay.
    pub(crate) fn take_all_attached(&mut self) -> Option<Box<Self>> {
        if self.attached.is_empty() {
            return None;
        }
        Some(Box::new(Self {
            attached: std::mem::take(&mut self.attached),
            ..Self::default()
        }))
    }

    /// Adds the headers that the answer has not set itself.
    pub(crate) fn complete(&self, mut response: Response) -> Response {
        for (name, value) in &self.headers {
            let mut said = response.headers();
            if !said.any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                response = response.header(name, value);
            }
        }
        response
    }
}

/// Values of the application, one of each type. Each is dropped under a guard, as its `Drop` may
/// panic.
#[derive(Default)]
pub(crate) struct Attached(Vec<Box<dyn Any + Send>>);

impl Attached {
    /// Puts a value in the place of the one of its type, if there is one.
    pub(crate) fn insert(&mut self, value: Box<dyn Any + Send>) {
        let kind = (*value).type_id();
        match self.0.iter_mut().find(|other| (***other).type_id() == kind) {
            Some(place) => guard::drop_value(std::mem::replace(place, value)),
            None => self.0.push(value),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.drain(..).for_each(guard::drop_value);
    }
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Attached").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn there_is_one_value_of_each_type() {
        let mut notes = Notes::default();
        notes.attach(Box::new(1_u32));
        notes.attach(Box::new("text"));
        let mut later = Attached::default();
        later.insert(Box::new(2_u32));
        notes.attach_all(later);
        assert_eq!(notes.attached::<u32>(), Some(&2));
        *notes.attached_mut::<u32>().unwrap() += 1;
        assert_eq!(notes.take_attached::<u32>(), Some(3));
        assert_eq!(notes.take_attached::<u32>(), None);
        assert_eq!(notes.attached::<&str>(), Some(&"text"));
        let taken = notes.take_all_attached().unwrap();
        assert_eq!(taken.attached::<&str>(), Some(&"text"));
        assert!(notes.take_all_attached().is_none());
    }

    #[test]
    fn a_value_that_panics_harms_nobody() {
        let mut notes = Notes::default();
        notes.attach(Box::new(Bomb));
        notes.attach(Box::new(Bomb));
        drop(notes);
    }

    #[test]
    fn an_answer_outranks_a_header_that_a_layer_has_set() {
        let mut notes = Notes::default();
        notes.set_header("X-One", "1");
        notes.set_header("x-one", "2");
        notes.set_header("X-Two", "layer");
        let response = notes.complete(Response::new(200).header("x-two", "answer"));
        let all: Vec<_> = response.headers().collect();
        let expected: [(&str, &[u8]); 2] = [("x-two", b"answer"), ("x-one", b"2")];
        assert_eq!(all, expected);
    }
}
