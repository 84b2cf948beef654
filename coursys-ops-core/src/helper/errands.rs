//! The helper that answers many questions: one process for a whole run, instead of one for each file and each name.
//!
//! Every question is answered by a thread of its own choosing, so that one that is stuck in the kernel holds none of the
//! others up: when nothing moves, another thread takes over. Whoever asked gives his question up by himself.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::everybody::everybody;
use super::{Answer, Refusal, SYSTEM_PATH, encode, resolve};
use crate::machine::FileType;
use crate::trust;

/// How long nothing may move while somebody waits, before another thread helps.
const PATIENCE: Duration = Duration::from_millis(20);

/// More threads than this are never there: so many questions hang only when a whole file system does.
const MOST_THREADS: usize = 2048;

/// What a thread needs at most: a look-up of a name is the hungriest.
const STACK: usize = 512 << 10;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// What a file is; the flag says whether a symbolic link is followed. Answer: [`Answer`] of [`FileStat`].
    Stat(PathBuf, bool),
    /// Which addresses a name has. Answer: [`Resolved`](super::Resolved).
    Resolve(String),
    /// Everybody's processes. Answer: [`Answer`] of [`Seen`](super::Seen)s.
    Everybody,
    /// Why root must not run this program: somebody else could have written it. A bare name is looked for where programs of
    /// the system are. Answer: [`Answer`] of a text, or of nothing when it is to be trusted.
    Distrust(PathBuf),
}

/// What the kernel says about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStat {
    /// What it is.
    pub kind: FileType,
    /// Its permissions, with the bits above them.
    pub mode: u32,
    /// Whose it is.
    pub uid: u32,
    /// Which group's.
    pub gid: u32,
    /// In bytes.
    pub size: u64,
    /// When its content changed last, in nanoseconds since 1970.
    pub modified_ns: i128,
}

/// What the threads share.
#[derive(Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// Questions that nobody has taken, each with its number.
    questions: VecDeque<(u64, Errand)>,
    /// How many have ever been taken.
    taken: u64,
    threads: usize,
    /// How many threads have nothing to do.
    idle: usize,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next question; waits for one.
    fn next(&self) -> (u64, Errand) {
        let mut waiting = self.lock();
        loop {
            if let Some(question) = waiting.questions.pop_front() {
                waiting.taken += 1;
                return question;
            }
            waiting.idle += 1;
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.idle -= 1;
        }
    }
}

/// Answers questions that come by `socket`, until its other end is closed.
///
/// # Errors
///
/// The socket breaks, or not even one thread can be started.
pub(super) fn serve(socket: UnixStream) -> Result<(), String> {
    let wrong = |error: std::io::Error| error.to_string();
    let answers = Arc::new(Mutex::new(socket.try_clone().map_err(wrong)?));
    let desk = Arc::new(Desk::default());
    hire(&desk, &answers).map_err(wrong)?;
    {
        let (desk, answers) = (Arc::clone(&desk), Arc::clone(&answers));
        std::thread::Builder::new().spawn(move || watch(&desk, &answers)).map_err(wrong)?;
    }
    for line in BufReader::new(socket).lines() {
        let line = line.map_err(wrong)?;
        let question = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let mut waiting = desk.lock();
        waiting.questions.push_back(question);
        if waiting.idle > 0 {
            desk.arrived.notify_one();
        }
    }
    // Threads that are stuck end with the process.
    Ok(())
}

/// Starts a thread that answers questions for ever.
fn hire(desk: &Arc<Desk>, answers: &Arc<Mutex<UnixStream>>) -> std::io::Result<()> {
    let (desk, answers) = (Arc::clone(desk), Arc::clone(answers));
    desk.lock().threads += 1;
    let work = move || {
        loop {
            let (number, errand) = desk.next();
            let Ok(answer) = run(errand) else { continue };
            let line = format!("{number} {answer}\n");
            let mut socket = answers.lock().unwrap_or_else(PoisonError::into_inner);
            if socket.write_all(line.as_bytes()).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().stack_size(STACK).spawn(work).map(drop)
}

/// Hires threads while questions wait and nothing moves.
fn watch(desk: &Arc<Desk>, answers: &Arc<Mutex<UnixStream>>) {
    let mut before = 0;
    loop {
        std::thread::sleep(PATIENCE);
        let (taken, open, threads) = {
            let waiting = desk.lock();
            (waiting.taken, waiting.questions.len(), waiting.threads)
        };
        // One for each that waits: whatever they wait behind may hold each of them too.
        let more = if taken == before { open.min(MOST_THREADS.saturating_sub(threads)) } else { 0 };
        // What cannot be had now may be had at the next look.
        (0..more).take_while(|_| hire(desk, answers).is_ok()).for_each(drop);
        before = taken;
    }
}

fn run(errand: Errand) -> Result<String, String> {
    match errand {
        Errand::Stat(path, follow) => encode(&stat(&path, follow)),
        Errand::Resolve(name) => encode(&resolve(&name)),
        Errand::Everybody => encode(&everybody().map_err(Refusal::from)),
        Errand::Distrust(program) => encode(&distrust(&program)),
    }
}

fn distrust(program: &Path) -> Answer<Option<String>> {
    let bare = program.components().count() == 1 && program.is_relative();
    let mut places = SYSTEM_PATH.split(':').map(|dir| Path::new(dir).join(program));
    let place = if bare { places.find(|place| place.exists()) } else { Some(program.to_owned()) };
    let place = place.ok_or(rustix::io::Errno::NOENT)?;
    Ok(trust::only_root_writes(&place)?.err().map(|distrust| distrust.message))
}

fn stat(path: &Path, follow: bool) -> Answer<FileStat> {
    let metadata = if follow { std::fs::metadata(path)? } else { std::fs::symlink_metadata(path)? };
    let kind = metadata.file_type();
    let kind = if kind.is_file() {
        FileType::File
    } else if kind.is_dir() {
        FileType::Directory
    } else if kind.is_symlink() {
        FileType::Link
    } else if kind.is_socket() {
        FileType::Socket
    } else if kind.is_fifo() {
        FileType::Fifo
    } else {
        FileType::Device
    };
    Ok(FileStat {
        kind,
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: metadata.size(),
        modified_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helper::Seen;

    fn ask(questions: &[Errand]) -> Vec<String> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let helper = std::thread::spawn(move || serve(theirs));
        let mut writer = ours.try_clone().unwrap();
        let mut answers = BufReader::new(ours).lines();
        for (number, errand) in questions.iter().enumerate() {
            writeln!(writer, "{}", serde_json::to_string(&(number, errand)).unwrap()).unwrap();
        }
        let mut got: Vec<String> = questions.iter().map(|_| answers.next().unwrap().unwrap()).collect();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
        helper.join().unwrap().unwrap();
        got.sort();
        got
    }

    #[test]
    fn a_question_that_hangs_holds_no_other_up() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let desk = Arc::new(Desk::default());
        let answers = Arc::new(Mutex::new(theirs));
        // A thread that has taken a question and never comes back.
        desk.lock().threads = 1;
        for number in 0..3 {
            desk.lock().questions.push_back((number, Errand::Stat(dir.path().to_owned(), true)));
        }
        let watcher = (Arc::clone(&desk), Arc::clone(&answers));
        std::thread::spawn(move || watch(&watcher.0, &watcher.1));
        let mut reader = BufReader::new(ours);
        for _ in 0..3 {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            assert!(line.contains("directory"), "{line}");
        }
    }

    #[test]
    fn each_question_has_its_answer_by_number() {
        let missing = Errand::Stat("/nonexistent/x".into(), true);
        let got = ask(&[missing, Errand::Resolve("127.0.0.1".into()), Errand::Everybody]);
        assert!(got[0].starts_with("0 {\"Err\":{\"errno\":2"), "{got:?}");
        assert_eq!(got[1], "1 {\"addresses\":[\"127.0.0.1\"]}");
        let (_, everybody) = got[2].split_once(' ').unwrap();
        let seen: Answer<Vec<Seen>> = serde_json::from_str(everybody).unwrap();
        assert!(seen.unwrap().iter().any(|process| process.pid == std::process::id()));
    }

    proptest::proptest! {
        #[test]
        fn every_errand_survives_its_line(path in "[^\0]{0,40}", follow: bool, name in "\\PC{0,40}") {
            for errand in [Errand::Stat(path.clone().into(), follow), Errand::Resolve(name.clone()), Errand::Everybody] {
                let line = serde_json::to_string(&(7_u64, &errand)).unwrap();
                proptest::prop_assert!(!line.contains('\n'));
                proptest::prop_assert_eq!(serde_json::from_str::<(u64, Errand)>(&line).unwrap(), (7, errand));
            }
        }
    }
}
