//! To be filled.
/// Placeholder.
#[derive(Debug)]
pub struct RequestHead<'b>(pub &'b str);
/// Placeholder.
#[derive(Debug)]
pub struct Response;
