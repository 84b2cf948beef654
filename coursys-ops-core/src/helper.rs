//! The helper process: whatever can get stuck in the kernel happens there, not in the run.
//!
//! The program that hosts the run also hosts the helper, behind a hidden entry: it hands the entry's arguments to
//! [`serve`], prints what comes back and exits with its code. The helper asks the kernel to be killed when its parent
//! dies, so that nothing is left behind even when the run is killed with SIGKILL.

mod change;
mod dumps;
mod errands;
mod everybody;
mod file;
mod listeners;
mod processes;
mod program;
mod requests;
mod statics;
mod survey;

use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, ToSocketAddrs as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use crate::machine::PrivatePort;

pub(crate) use change::Placing;
pub use dumps::{Contents, ContentsEnd, Dump, Dumps};
pub use errands::{Errand, FileStat};
pub use everybody::Seen;
pub use file::{Content, FileLook};
pub use listeners::Listener;
pub use processes::{Process, Started};
pub use program::Program;
pub use requests::Taken;
pub use statics::Collected;
pub use survey::{
    Blind, Container, CronLine, Engine, Published, Running, Survey, SurveyRequest, Unit as UnitSeen,
};

/// Where programs of the system are looked for. Never the caller's own path: root runs this too.
pub(crate) const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the helper is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Become another program, in a directory.
    Exec(Option<PathBuf>, Vec<OsString>),
    /// How much is free where a path is. Answer: [`Answer`] of [`Space`].
    Space(PathBuf),
    /// Whether a file can be written in a directory. Answer: [`Answer`] of nothing.
    Writable(PathBuf),
    /// Which processes a user has, and which of them work in a directory. Answer: [`Answer`] of [`Process`]es.
    Processes(u32, PathBuf),
    /// Whether something has this path, be it a link to nowhere. Answer: [`Answer`] of a [`bool`].
    Present(PathBuf),
    /// Which dumps of the database are in a directory, by a glob. Answer: [`Answer`] of [`Dumps`].
    Dumps(PathBuf, String),
    /// Who listens on one of these ports. Answer: [`Answer`] of [`Listener`]s.
    Listeners(Vec<PrivatePort>),
    /// Which connections to a port are not over for the server, in this network or in that of a process. Answer: [`Answer`]
    /// of [`Taken`]s.
    Requests(u16, Option<i32>),
    /// Whether the static files of one directory are those that were collected in another. Answer: [`Answer`] of
    /// [`Collected`].
    Collected(PathBuf, PathBuf),
    /// The sizes of files below a directory; nothing for those that are missing. Answer: [`Answer`] of
    /// [`Vec<Option<u64>>`].
    Sizes(PathBuf, Vec<PathBuf>),
    /// What a dump holds, as far as there is time to read. Answer: [`Answer`] of [`Contents`].
    Contents(PathBuf, Duration),
    /// Whether a file can be run. Answer: [`Answer`] of [`Program`].
    Program(PathBuf),
    /// What a regular file holds, up to this many bytes; no symbolic link is followed in its last component. Answer:
    /// [`Answer`] of [`FileLook`].
    File(PathBuf, u64),
    /// What manages the components. Answer: [`Survey`].
    Survey(Box<SurveyRequest>),
    /// To change a file; how is on standard input, a [`FileChange`](crate::plan::FileChange). Answer: [`Answer`] of nothing.
    Change,
    /// Something that a crate of checks serves, by its name; the rest of the request is on standard input.
    Further(&'static str),
    /// To answer many [`Errand`]s, which come by standard input, a socket, and whose answers go back through it.
    Errands,
}

/// An answer that the operating system may have refused.
pub type Answer<T> = Result<T, Refusal>;

/// Why the operating system refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The error number, where there is one.
    pub errno: Option<i32>,
    /// What it means.
    pub message: String,
}

impl Refusal {
    /// Whether it is this error number.
    #[must_use]
    pub fn is(&self, errno: rustix::io::Errno) -> bool {
        self.errno == Some(errno.raw_os_error())
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self { errno: error.raw_os_error(), message: error.to_string() }
    }
}

impl From<rustix::io::Errno> for Refusal {
    fn from(errno: rustix::io::Errno) -> Self {
        std::io::Error::from(errno).into()
    }
}

/// Free and total space of a file system, for those who are not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Bytes that an ordinary user can still write.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Inodes that an ordinary user can still use.
    pub free_inodes: u64,
    /// Inodes in all; 0 where the file system does not count them.
    pub total_inodes: u64,
}

/// What a name look-up gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolved {
    /// These, in the order that the system prefers.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    Unknown(String),
    /// The name servers failed.
    Failed(String),
}

const EXEC: &str = "exec";
const SPACE: &str = "space";
const WRITABLE: &str = "writable";
const PROCESSES: &str = "processes";
const LISTENERS: &str = "listeners";
const REQUESTS: &str = "requests";
const COLLECTED: &str = "collected";
const SIZES: &str = "sizes";
const PRESENT: &str = "present";
const DUMPS: &str = "dumps";
const CONTENTS: &str = "contents";
const PROGRAM: &str = "program";
const FILE: &str = "file";
const SURVEY: &str = "survey";
const FURTHER: &str = "further";
const ERRANDS: &str = "errands";
const CHANGE: &str = "change";

impl Ask {
    /// The arguments that follow the hidden entry.
    #[must_use]
    pub fn to_args(&self, parent: u32) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec![parent.to_string().into()];
        match self {
            Self::Exec(dir, argv) => {
                args.push(EXEC.into());
                args.push(dir.clone().unwrap_or_default().into());
                args.extend(argv.iter().cloned());
            }
            Self::Space(path) => args.extend([SPACE.into(), path.into()]),
            Self::Writable(path) => args.extend([WRITABLE.into(), path.into()]),
            Self::Processes(uid, dir) => args.extend([PROCESSES.into(), uid.to_string().into(), dir.into()]),
            Self::Listeners(ports) => {
                args.push(LISTENERS.into());
                args.extend(ports.iter().map(|port| String::from(*port).into()));
            }
            Self::Requests(port, of) => {
                args.extend([REQUESTS.into(), port.to_string().into()]);
                args.extend(of.map(|pid| pid.to_string().into()));
            }
            Self::Collected(sources, collected) => {
                args.extend([COLLECTED.into(), sources.into(), collected.into()]);
            }
            Self::Sizes(dir, names) => {
                args.extend([SIZES.into(), dir.into()]);
                args.extend(names.iter().map(OsString::from));
            }
            Self::Present(path) => args.extend([PRESENT.into(), path.into()]),
            Self::Dumps(dir, pattern) => args.extend([DUMPS.into(), dir.into(), pattern.into()]),
            Self::Contents(path, at_most) => {
                args.extend([CONTENTS.into(), path.into(), at_most.as_millis().to_string().into()]);
            }
            Self::Program(path) => args.extend([PROGRAM.into(), path.into()]),
            Self::File(path, most) => args.extend([FILE.into(), path.into(), most.to_string().into()]),
            Self::Survey(request) => {
                args.extend([SURVEY.into(), serde_json::to_string(request).unwrap_or_default().into()]);
            }
            Self::Further(name) => args.extend([FURTHER.into(), name.into()]),
            Self::Errands => args.extend([ERRANDS.into(), "-".into()]),
            Self::Change => args.extend([CHANGE.into(), "-".into()]),
        }
        args
    }

    fn from_args(verb: &str, mut rest: impl Iterator<Item = OsString>) -> Option<Self> {
        let first = rest.next()?;
        Some(match verb {
            EXEC => Self::Exec((!first.is_empty()).then(|| first.into()), rest.collect()),
            SPACE => Self::Space(first.into()),
            WRITABLE => Self::Writable(first.into()),
            PROCESSES => Self::Processes(first.to_str()?.parse().ok()?, rest.next()?.into()),
            LISTENERS => {
                let ports = std::iter::once(first).chain(rest).map(|port| port.to_str()?.parse().ok());
                Self::Listeners(ports.collect::<Option<_>>()?)
            }
            REQUESTS => {
                let of = rest.next().map(|pid| pid.to_str()?.parse().ok());
                Self::Requests(first.to_str()?.parse().ok()?, of.map_or(Some(None), |pid| pid.map(Some))?)
            }
            COLLECTED => Self::Collected(first.into(), rest.next()?.into()),
            SIZES => Self::Sizes(first.into(), rest.map(PathBuf::from).collect()),
            PRESENT => Self::Present(first.into()),
            DUMPS => Self::Dumps(first.into(), rest.next()?.into_string().ok()?),
            CONTENTS => {
                let at_most = rest.next()?.to_str()?.parse().ok()?;
                Self::Contents(first.into(), Duration::from_millis(at_most))
            }
            PROGRAM => Self::Program(first.into()),
            FILE => Self::File(first.into(), rest.next()?.to_str()?.parse().ok()?),
            SURVEY => Self::Survey(serde_json::from_str(first.to_str()?).ok()?),
            ERRANDS => Self::Errands,
            CHANGE => Self::Change,
            _ => return None,
        })
    }
}

/// Serves one request: returns what to print on standard output, or what went wrong. What core does not serve itself
/// ([`Ask::Further`]) goes by its name to `further`, which knows nothing of a name that it gives nothing for.
///
/// # Errors
///
/// A line for standard error when the arguments make no sense, the parent is gone, or a program could not be started.
pub fn serve(
    args: impl IntoIterator<Item = OsString>,
    further: impl FnOnce(&str) -> Option<Result<String, String>>,
) -> Result<String, String> {
    let mut args = args.into_iter();
    let parent = args.next().and_then(|arg| arg.to_str().and_then(|arg| arg.parse::<i32>().ok()));
    let verb = args.next().unwrap_or_default();
    let stranger = || "this entry is for the program itself".to_owned();
    if verb == FURTHER {
        die_with(parent.ok_or_else(stranger)?)?;
        let name = args.next().unwrap_or_default();
        return further(&name.to_string_lossy()).unwrap_or_else(|| Err(stranger()));
    }
    let (Some(parent), Some(ask)) = (parent, Ask::from_args(&verb.to_string_lossy(), args)) else {
        return Err(stranger());
    };
    die_with(parent)?;
    match ask {
        Ask::Exec(dir, argv) => Err(exec(dir, argv)),
        Ask::Space(path) => encode(&space(&path)),
        Ask::Writable(dir) => encode(&writable(&dir)),
        Ask::Processes(uid, dir) => encode(&processes::processes(uid, &dir).map_err(Refusal::from)),
        Ask::Listeners(ports) => encode(&listeners::listeners(&ports).map_err(Refusal::from)),
        Ask::Requests(port, of) => encode(&requests::taken(port, of).map_err(Refusal::from)),
        Ask::Collected(sources, collected) => {
            encode(&statics::collected(&sources, &collected).map_err(Refusal::from))
        }
        Ask::Sizes(dir, names) => encode(&statics::sizes(&dir, &names).map_err(Refusal::from)),
        Ask::Present(path) => encode(&present(&path)),
        Ask::Dumps(dir, pattern) => encode(&dumps::dumps(&dir, &pattern)),
        Ask::Contents(path, at_most) => encode(&dumps::contents(&path, at_most)),
        Ask::Program(path) => encode(&program::program(&path).map_err(Refusal::from)),
        Ask::File(path, most) => encode(&file::look(&path, most).map_err(Refusal::from)),
        Ask::Survey(request) => encode(&survey::survey(&request)?),
        Ask::Change => encode(&change::change()),
        Ask::Further(_) => Err(stranger()),
        Ask::Errands => {
            let socket = rustix::io::dup(rustix::stdio::stdin()).map_err(|errno| errno.to_string())?;
            errands::serve(socket.into()).map(|()| String::new())
        }
    }
}

/// Asks for death with the parent; the parent may be gone already.
fn die_with(parent: i32) -> Result<(), String> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|errno| errno.to_string())?;
    if rustix::process::getppid().map(Pid::as_raw_pid) == Some(parent) {
        Ok(())
    } else {
        Err("the process that asked is gone".to_owned())
    }
}

fn encode<T: Serialize>(answer: &T) -> Result<String, String> {
    serde_json::to_string(answer).map_err(|error| error.to_string())
}

/// Becomes another program; returns only when that failed.
fn exec(dir: Option<PathBuf>, argv: Vec<OsString>) -> String {
    let mut argv = argv.into_iter();
    let Some(program) = argv.next() else { return "no program given".to_owned() };
    if let Some(dir) = dir
        && let Err(error) = std::env::set_current_dir(&dir)
    {
        return format!("cannot change to {}: {error}", dir.display());
    }
    // Who asked may ignore SIGCHLD, which programs inherit, and then they are not told of their own children. With a signal
    // that is handled they begin as usual.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGCHLD, std::sync::Arc::default());
    #[allow(clippy::disallowed_methods, reason = "becomes the program, starts no other")]
    let error = std::process::Command::new(&program).args(argv).exec();
    format!("cannot start {}: {error}", Path::new(&program).display())
}

fn resolve(name: &str) -> Resolved {
    match (name, 0).to_socket_addrs() {
        Ok(addresses) => {
            let mut seen = Vec::new();
            for address in addresses.map(|address| address.ip()) {
                if !seen.contains(&address) {
                    seen.push(address);
                }
            }
            Resolved::Addresses(seen)
        }
        Err(error) => {
            // The standard library hands on getaddrinfo's texts but not its numbers; the locale here is C.
            let message = error.to_string();
            let message = message.rsplit(": ").next().unwrap_or(&message).to_owned();
            if message.starts_with("Name or service not known")
                || message.starts_with("No address associated")
            {
                Resolved::Unknown(message)
            } else {
                Resolved::Failed(message)
            }
        }
    }
}

fn space(path: &Path) -> Answer<Space> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(Space {
        free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        free_inodes: stat.f_favail,
        total_inodes: stat.f_files,
    })
}

fn present(path: &Path) -> Answer<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes a few bytes to a file that has no name, or, where the file system cannot do that, to one that loses its name
/// at once.
fn writable(dir: &Path) -> Answer<()> {
    const PROBE: &[u8] = b"coursys-ops looks whether this directory can be written\n";
    let mode = Mode::RUSR | Mode::WUSR;
    let opened = rustix::fs::open(dir, OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, mode);
    let file = match opened {
        Ok(file) => file,
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
            let path = dir.join(format!(".coursys-ops-probe-{}", std::process::id()));
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
            let file = rustix::fs::open(&path, flags, mode)?;
            std::fs::remove_file(&path)?;
            file
        }
        Err(errno) => return Err(errno.into()),
    };
    std::fs::File::from(file).write_all(PROBE)?;
    Ok(())
}

#[cfg(test)]
#[path = "helper_tests.rs"]
mod tests;
