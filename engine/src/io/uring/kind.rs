//! What an operation of a ring is for, as its name says.

pub(super) const IGNORED: u8 = 0;
pub(super) const WAKER: u8 = 1;
pub(super) const ACCEPT: u8 = 2;
pub(super) const CANCEL_ACCEPT: u8 = 3;
pub(super) const SOCKET: u8 = 4;
pub(super) const CONNECT: u8 = 5;
pub(super) const RECEIVE: u8 = 6;
pub(super) const CANCEL_RECEIVE: u8 = 7;
pub(super) const SEND: u8 = 8;
pub(super) const POLL: u8 = 9;
pub(super) const CANCEL_POLL: u8 = 10;
pub(super) const CLOSE: u8 = 11;
pub(super) const INSTALL: u8 = 12;
pub(super) const RELEASE: u8 = 13;
pub(super) const SHUTDOWN: u8 = 14;
pub(super) const INSTALL_TO_SHUT: u8 = 15;
pub(super) const UNSENT: u8 = 16;
