//! Nothing of a conversation with a broker outlives its check: lapin keeps a thread and tasks for each connection.
//!
//! One process of its own, and one test at a time: it counts threads.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coursys_ops_core::config::{SecretValue, Sources, load};
use coursys_ops_core::context::{Caller, Context};
use coursys_ops_core::model::{ExitPolicy, Report, Status};
use coursys_ops_core::process::Helper;
use coursys_ops_core::run::{self, Cancel, Options};
use coursys_ops_core::secret::Secret;

/// Who counts threads wants no others.
static TURN: Mutex<()> = Mutex::new(());

/// Who has panicked, and where.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// How long lapin may take to see that its line is cut.
const MOMENT: Duration = Duration::from_secs(2);

/// What a broker does after it has let somebody in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It was silent all the time.
    Silence,
    /// Nothing more.
    LoginAndSilence,
    /// A frame of a gigabyte begins, and comes as fast as it is taken.
    GreetingAndFlood,
    /// Its greeting is of a thousand tables, one in the other.
    NestedGreeting,
    /// It answers goodbyes.
    Goodbye,
}

/// Bytes after their number.
fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn method(class: u8, method: u8, arguments: &[u8]) -> Vec<u8> {
    let payload = [&[0, class, 0, method], arguments].concat();
    [&[1, 0, 0], &sized(&payload)[..], &[0xce]].concat()
}

/// Serves one client.
fn serve(listener: &TcpListener, then: Then) {
    use std::io::Read as _;
    let (mut peer, _) = listener.accept().unwrap();
    peer.read_exact(&mut [0; 8]).unwrap();
    if then != Then::Silence {
        let depth = if then == Then::NestedGreeting { 1000 } else { 0 };
        let properties =
            sized(&(0..depth).fold(Vec::new(), |inner, _| [b"\x01xF", &sized(&inner)[..]].concat()));
        let arguments = [&[0, 9], &properties[..], &sized(b"PLAIN"), &sized(b"en_US")].concat();
        // Who refuses it hangs up in the middle.
        let _ = peer.write_all(&method(10, 10, &arguments));
    }
    if then == Then::GreetingAndFlood {
        let _ = peer.write_all(&[1, 0, 0, 0x40, 0, 0, 0]);
        while peer.write_all(&[0; 1 << 16]).is_ok() {}
    }
    let mut head = [0; 7];
    while peer.read_exact(&mut head).is_ok() {
        let size = u32::from_be_bytes(head[3..].try_into().unwrap());
        let mut payload = vec![0; usize::try_from(size).unwrap() + 1];
        if peer.read_exact(&mut payload).is_err() {
            break;
        }
        let answer = match (payload[1], payload[3]) {
            (10, 11) => method(10, 30, &[0, 0, 0, 2, 0, 0, 0, 60]),
            (10, 40) => method(10, 41, &[0]),
            (10, 50) if then == Then::Goodbye => method(10, 51, &[]),
            _ => Vec::new(),
        };
        let _ = peer.write_all(&answer);
    }
}

fn context(port: u16) -> Arc<Context> {
    let mut config = load(&Sources::default()).unwrap().config;
    let server = &mut config.broker.server;
    server.section = "broker".to_owned();
    server.host = Some("127.0.0.1".to_owned());
    server.port = port;
    server.user = Some("coursys".to_owned());
    server.secret = SecretValue::Known(Secret::new("p@ss/w%rd ü'"));
    let caller = Caller { uid: 0, user: "root".to_owned(), host: "laptop".to_owned() };
    Arc::new(Context::new(config, caller, Helper { argv: vec!["false".into()] }, "0.0.0"))
}

/// Looks with one check at a broker that does as told, and gives up after 300 ms.
fn look(id: &str, then: Then) -> (Report, Left) {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(panic.to_string());
    }));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let context = context(listener.local_addr().unwrap().port());
    // It ends when its client is gone; a client that stays is the failure, and no reason to wait for it.
    std::thread::spawn(move || serve(&listener, then));
    let checks: Vec<_> = coursys_ops_checks::all(&context.config);
    let checks: Vec<_> = checks.into_iter().filter(|check| check.spec().id == id).collect();
    let options = Options { deadline: Duration::from_millis(300), ..Options::default() };
    // The runtime lives on after the look, as that of another program does.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tasks = runtime.metrics().num_alive_tasks();
    let never = Cancel::never();
    let mut unheard = |_| ();
    let looking = run::run(&checks, &context, &options, &never, ExitPolicy::default(), &mut unheard);
    let report = runtime.block_on(looking);
    let started = Instant::now();
    let left = loop {
        let left = Left { threads: lapin_threads(), tasks: runtime.metrics().num_alive_tasks() - tasks };
        if left == Left::default() || started.elapsed() > MOMENT {
            break left;
        }
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
    };
    let _ = std::panic::take_hook();
    (report, left)
}

/// What is left a moment after a look.
#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    /// Threads of lapin's and of what it runs on.
    threads: Vec<String>,
    /// Tasks of the runtime.
    tasks: usize,
}

/// The names of threads that are neither the test program's nor the fake broker's.
fn lapin_threads() -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
    names
        .map(|name| name.trim().to_owned())
        .filter(|name| ["lapin", "async-", "tokio", "blocking"].iter().any(|start| name.starts_with(start)))
        .collect()
}

fn nothing_is_left(id: &str, then: Then, status: Status) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (report, left) = look(id, then);
    assert_eq!(report.checks[0].status, status, "{report:?}");
    assert_eq!(left, Left::default());
    assert_eq!(*PANICS.lock().unwrap_or_else(PoisonError::into_inner), [""; 0]);
}

#[test]
fn a_login_that_is_given_up_at_a_silent_peer_leaves_no_thread_and_no_task() {
    nothing_is_left("broker.connection", Then::Silence, Status::Unknown);
}

#[test]
fn a_conversation_that_is_given_up_after_the_login_leaves_no_thread_and_no_task() {
    nothing_is_left("celery.queue.fast", Then::LoginAndSilence, Status::Unknown);
}

#[test]
fn a_frame_without_end_leaves_no_thread_and_no_task() {
    nothing_is_left("broker.connection", Then::GreetingAndFlood, Status::Unknown);
}

#[test]
fn tables_within_tables_end_neither_the_process_nor_leave_anything() {
    nothing_is_left("broker.connection", Then::NestedGreeting, Status::Failed);
}

#[test]
fn a_goodbye_leaves_no_thread_and_no_task() {
    nothing_is_left("broker.connection", Then::Goodbye, Status::Passed);
}
