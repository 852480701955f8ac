//! Which driver to use, and why it is not the first choice, in words for the operator.

use std::fmt;
use std::fs;
use std::str::FromStr;
use std::thread;

use allspark_protocol::options::{self, UnknownChoice};

use super::DriverKind;
use super::uring::{self, Abilities, SetupError};

/// Where the kernel says which release it is.
const OS_RELEASE: &str = "/proc/sys/kernel/osrelease";

/// What the operator asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverChoice {
    /// `io_uring` where it works, `epoll` elsewhere. The default.
    #[default]
    Auto,
    /// `io_uring` or nothing.
    Uring,
    /// `epoll`.
    Epoll,
}

/// The driver that a choice led to. The caller makes it, once per shard, on the shard's thread.
#[derive(Debug)]
pub struct Chosen {
    /// Which driver.
    pub kind: DriverKind,
    /// Why `io_uring` was not taken although nothing else was asked for; worth a line in the log.
    pub fallback: Option<Unavailable>,
}

impl DriverChoice {
    const NAMES: [(&str, Self); 3] = [
        ("auto", Self::Auto),
        ("uring", Self::Uring),
        ("epoll", Self::Epoll),
    ];

    /// Probes the machine, if the choice depends on it.
    ///
    /// # Errors
    /// When `io_uring` was asked for and does not work here.
    pub fn resolve(self) -> Result<Chosen, Unavailable> {
        self.resolve_by(probe)
    }

    /// The same for who is going to hand connections from one driver to another: several shards
    /// that serve polling transports. Then `io_uring` counts as working only if it can do that.
    ///
    /// # Errors
    /// When `io_uring` was asked for and does not work here, or can't release connections.
    pub fn resolve_releasing(self) -> Result<Chosen, Unavailable> {
        self.resolve_by(probe_release)
    }

    fn resolve_by(self, probe: fn() -> Result<(), Unavailable>) -> Result<Chosen, Unavailable> {
        let (kind, fallback) = match self {
            Self::Epoll => (DriverKind::Epoll, None),
            Self::Uring => probe().map(|()| (DriverKind::Uring, None))?,
            Self::Auto => match probe() {
                Ok(()) => (DriverKind::Uring, None),
                Err(reason) => (DriverKind::Epoll, Some(reason)),
            },
        };
        Ok(Chosen { kind, fallback })
    }
}

impl FromStr for DriverChoice {
    type Err = UnknownChoice;

    /// Finds a choice by its name, in any case.
    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        options::choose(name, &Self::NAMES)
    }
}

impl fmt::Display for DriverChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::NAMES[*self as usize].0)
    }
}

/// Why `io_uring` does not work on this machine, and what the operator can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// There is no such system call.
    #[error(
        "this kernel ({release}) has no io_uring, or a sandbox like gVisor hides it; \
         use `--driver epoll`"
    )]
    Missing {
        /// The kernel's release.
        release: String,
    },
    /// The system administrator does not want it.
    #[error(
        "io_uring is switched off by the sysctl kernel.io_uring_disabled={value}; \
         set it to 0 or use `--driver epoll`"
    )]
    SwitchedOff {
        /// 1: only for privileged processes and one group; 2: for everybody.
        value: u8,
    },
    /// A security profile does not allow it.
    #[error(
        "io_uring is forbidden by a seccomp or security profile, as Docker and Kubernetes do by \
         default; allow it (`--security-opt seccomp=PROFILE`) or use `--driver epoll`"
    )]
    Forbidden,
    /// The process may not lock enough memory.
    #[error(
        "there is not enough memory for io_uring, most likely because RLIMIT_MEMLOCK is too low; \
         raise it (`LimitMEMLOCK=infinity`, `ulimit -l`) or use `--driver epoll`"
    )]
    Memory,
    /// The kernel lacks something.
    #[error(
        "io_uring of this kernel ({release}) is too old, 6.1 is needed: {error}; \
             use `--driver epoll`"
    )]
    Old {
        /// The kernel's release.
        release: String,
        /// What it lacks.
        error: SetupError,
    },
    /// The kernel lacks what releasing a connection needs, and nothing else.
    #[error(
        "several shards hand the connections of polling transports to each other, for which \
         io_uring of this kernel ({release}) is too old, 6.8 is needed; \
         use one shard or `--driver epoll`"
    )]
    NoRelease {
        /// The kernel's release.
        release: String,
    },
    /// Anything else.
    #[error("{error}; use `--driver epoll`")]
    Other {
        /// What the kernel said.
        error: SetupError,
    },
}

/// Tries whether `io_uring` works here for what the driver does.
///
/// # Errors
/// One sentence for the operator.
pub fn probe() -> Result<(), Unavailable> {
    abilities().map(drop)
}

/// Tries whether `io_uring` works here and [`Op::Release`](super::Op::Release) with it.
///
/// # Errors
/// One sentence for the operator.
pub fn probe_release() -> Result<(), Unavailable> {
    require_release(abilities()?, read(OS_RELEASE))
}

fn require_release(abilities: Abilities, release: String) -> Result<(), Unavailable> {
    match abilities.release {
        true => Ok(()),
        false => Err(Unavailable::NoRelease { release }),
    }
}

/// Asks on a thread of its own: when a ring is gone, the kernel has its thread clean up some
/// milliseconds later, and interrupts whatever system call that is in then.
fn abilities() -> Result<Abilities, Unavailable> {
    let thread = thread::Builder::new().name("probe".to_owned());
    let probed = thread.spawn(uring::probe).map_err(SetupError::Thread);
    let probed = probed.and_then(|thread| thread.join().expect("the probe does not panic"));
    probed.map_err(explained)
}

/// What is wrong with the machine if a ring failed like this.
pub(crate) fn explained(error: SetupError) -> Unavailable {
    let disabled = read("/proc/sys/kernel/io_uring_disabled")
        .parse()
        .unwrap_or(0);
    explain(error, disabled, read(OS_RELEASE))
}

/// The content of a small file of the kernel; empty if there is no such file.
fn read(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().to_owned()
}

fn explain(error: SetupError, disabled: u8, release: String) -> Unavailable {
    match error.code() {
        Some(libc::ENOSYS) => Unavailable::Missing { release },
        Some(libc::EPERM | libc::EACCES) if disabled > 0 => {
            Unavailable::SwitchedOff { value: disabled }
        }
        Some(libc::EPERM | libc::EACCES) => Unavailable::Forbidden,
        Some(libc::ENOMEM) => Unavailable::Memory,
        Some(libc::EINVAL | libc::EOPNOTSUPP) => Unavailable::Old { release, error },
        _ => Unavailable::Other { error },
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn explained(code: i32, disabled: u8) -> String {
        let error = SetupError::Ring(io::Error::from_raw_os_error(code));
        explain(error, disabled, "5.15.0".to_owned()).to_string()
    }

    #[test]
    fn tells_the_operator_what_to_change() {
        assert!(explained(libc::EPERM, 2).contains("kernel.io_uring_disabled=2"));
        assert!(explained(libc::EPERM, 0).contains("--security-opt seccomp"));
        assert!(explained(libc::ENOMEM, 0).contains("LimitMEMLOCK"));
        assert!(explained(libc::EINVAL, 0).contains("(5.15.0) is too old"));
        assert!(explained(libc::ENOSYS, 0).contains("has no io_uring"));
        for code in [
            libc::EPERM,
            libc::ENOMEM,
            libc::EINVAL,
            libc::ENOSYS,
            libc::EIO,
        ] {
            assert!(explained(code, 0).ends_with("use `--driver epoll`"));
        }
    }

    #[test]
    fn tells_the_operator_what_needs_a_newer_kernel() {
        let old = Abilities { release: false };
        let refused = require_release(old, "6.1.0".to_owned()).unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("(6.1.0) is too old, 6.8 is needed"));
        assert!(text.ends_with("use one shard or `--driver epoll`"));
        let new = Abilities { release: true };
        assert!(require_release(new, "6.8.0".to_owned()).is_ok());
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for choice in [DriverChoice::Auto, DriverChoice::Uring, DriverChoice::Epoll] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        let reason = "kqueue".parse::<DriverChoice>().unwrap_err().to_string();
        assert!(
            reason.ends_with("the choices are: auto, uring, epoll"),
            "{reason}"
        );
    }

    /// What a container's profile does, done to one thread.
    #[test]
    fn a_forbidden_ring_leads_to_epoll() {
        std::thread::spawn(|| {
            forbid_io_uring();
            let chosen = DriverChoice::Auto.resolve().unwrap();
            assert_eq!(chosen.kind, DriverKind::Epoll);
            assert!(matches!(chosen.fallback, Some(Unavailable::Forbidden)));
            let refused = DriverChoice::Uring.resolve().unwrap_err();
            assert!(matches!(refused, Unavailable::Forbidden));
            let chosen = DriverChoice::Epoll.resolve().unwrap();
            assert!(chosen.fallback.is_none());
        })
        .join()
        .unwrap();
    }

    /// Makes `io_uring_setup` fail with EPERM for the calling thread, for ever.
    #[expect(unsafe_code, reason = "no safe interface installs a seccomp filter")]
    fn forbid_io_uring() {
        let filter = |code: u32, jump_unless: u8, value: u32| libc::sock_filter {
            code: code as u16,
            jt: 0,
            jf: jump_unless,
            k: value,
        };
        let setup = libc::SYS_io_uring_setup as u32;
        let mut filters = [
            // The number of the system call is the first word of what a filter sees.
            filter(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
            filter(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, setup),
            filter(
                libc::BPF_RET | libc::BPF_K,
                0,
                libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
            ),
            filter(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
        ];
        let program = libc::sock_fprog {
            len: filters.len() as u16,
            filter: filters.as_mut_ptr(),
        };
        // SAFETY: both calls only read their arguments, and `program` names `filters`, which lives
        // until they are done.
        unsafe {
            assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
            let mode = libc::SECCOMP_MODE_FILTER;
            assert_eq!(
                libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program),
                0
            );
        }
    }
}
