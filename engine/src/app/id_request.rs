//! What an id of a new spark is made of.

use allspark_protocol::http::RequestHead;

use crate::layers::Notes;

/// The request that has opened a spark, for who gives it an id
/// ([`Attach::id_generator`](crate::Attach::id_generator)).
pub struct IdRequest<'a> {
    head: &'a RequestHead<'a>,
    notes: Option<&'a Notes>,
}

impl<'a> IdRequest<'a> {
    pub(crate) fn new(head: &'a RequestHead<'a>, notes: Option<&'a Notes>) -> Self {
        Self { head, notes }
    }

    /// Method, path, query and headers.
    pub fn head(&self) -> &RequestHead<'_> {
        self.head
    }

    /// The value of this type that a layer has attached to the request
    /// ([`LayerRequest::attach`](crate::LayerRequest::attach)).
    pub fn attached<V: 'static>(&self) -> Option<&V> {
        self.notes?.attached()
    }
}

impl std::fmt::Debug for IdRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdRequest")
            .field("path", &self.head.path())
            .finish_non_exhaustive()
    }
}
