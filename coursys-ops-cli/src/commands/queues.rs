//! `coursys-ops queues`: what waits in the queues of the site's tasks and what is done of it, and a peek at what waits.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use coursys_ops_checks::queues::{self, Peek, Waiting};
use coursys_ops_core::nearest::nearest;
use coursys_ops_core::queues::{Queue, Queues, Task};
use coursys_ops_core::render::escape;
use coursys_ops_core::render::plan::moment;
use serde::Serialize;

use crate::acting::Shape;
use crate::errand::{self, Mishap, Told as _};
use crate::failure::{Failure, Level, say};
use crate::global::Global;
use crate::setup::Setup;
use crate::{output, signals, terminal};

/// What to show.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Shape,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops queues                     messages and tasks of each queue
  coursys-ops queues peek batch -n 5     the first five messages that wait in `batch`
  coursys-ops queues --format json | jq '.queues[] | {name, ready, active: (.active | length)}'

READY are messages that no worker has yet. UNACKED are in the hands of a worker and come back if it is killed: its
RESERVED tasks, which wait for a child, and those for LATER. ACTIVE tasks are being done and are lost with the worker.
A dash means that it could not be found out; a line below the table says why.

Exit codes: 0 shown, 1 the broker or a queue could not be looked at, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Shows the first messages that wait in a queue, by their headers; it marks them as redelivered
    #[command(after_help = PEEK_EXAMPLES)]
    Peek {
        /// The queue
        queue: String,
        /// How many messages
        #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
        count: u32,
        /// The form of the output
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Shape,
    },
}

const PEEK_EXAMPLES: &str = "\
Examples:
  coursys-ops queues peek batch
  coursys-ops queues peek markdown2html_queue -n 1 --format json

To look at a message means to take it and to put it back in its place: none is lost or passed by another, but the
broker marks those that were shown as redelivered. Bodies are not looked at: they may be pickled, and who unpickles a
message runs what is in it. Arguments are shown as the sender abridged them.

Exit codes: 0 shown, 1 the broker or the queue could not be looked at, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.";

/// The broker's own tool takes seconds on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(15);

/// More tasks of one kind than this are counted, not listed.
const LISTED: usize = 20;

/// The longest text of a header that is shown, in characters.
const LONGEST: usize = 120;

/// Shows the queues.
pub fn run(args: Args, global: &Global) -> Result<u8, Failure> {
    let setup = Setup::load(global, None)?;
    let (_canceller, cancel) =
        signals::listen().map_err(|error| Failure::refused(format!("cannot listen to signals: {error}")))?;
    if let Some(Command::Peek { queue, count, format }) = args.command {
        known(&setup, &queue)?;
        let name = queue.clone();
        let peek = errand::run(&setup.context, "queue", TIMEOUT, &cancel, move |scope| {
            Box::pin(async move { queues::peek(scope, &name, count).await })
        });
        let peek = peek.map_err(Mishap::failure)?;
        return match format {
            Shape::Json => print_json(&peek),
            Shape::Text => {
                output::print(&peeked(&peek))?;
                if !peek.messages.is_empty() && !global.quiet {
                    say(Level::Hint, "the broker marks the messages that were shown as redelivered");
                }
                Ok(0)
            }
        };
    }
    let seen = errand::run(&setup.context, "queues", TIMEOUT, &cancel, |scope| Box::pin(queues::look(scope)));
    let seen = seen.map_err(Mishap::failure)?;
    match args.format {
        Shape::Json => print_json(&seen),
        Shape::Text => {
            output::print(&table(&seen))?;
            if !global.quiet {
                seen.notes.iter().for_each(|note| say(Level::Warning, note));
            }
            Ok(0)
        }
    }
}

/// A queue that is not configured can be looked at; a name that is nearly that of one is a slip of the pen.
fn known(setup: &Setup, queue: &str) -> Result<(), Failure> {
    let celery = &setup.context.config.celery;
    let names = || celery.queues.iter().map(String::as_str);
    if names().any(|name| name == queue) {
        return Ok(());
    }
    match nearest(queue, names()) {
        Some(near) => Err(Failure::usage(format!("the site has no queue `{queue}`; did you mean `{near}`?"))),
        None => Ok(()),
    }
}

fn print_json(value: &impl Serialize) -> Result<u8, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::refused)?;
    output::print(&(escape::json(&text) + "\n"))?;
    Ok(0)
}

fn table(seen: &Queues) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["QUEUE", "READY", "UNACKED", "CONSUMERS", "ACTIVE", "RESERVED", "LATER"]);
    let figure = |figure: Option<u64>| figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string());
    let tasks = |tasks: &Option<Vec<Task>>| {
        tasks.as_ref().map_or_else(|| "-".to_owned(), |tasks| tasks.len().to_string())
    };
    for queue in &seen.queues {
        if queue.exists {
            table.add_row([
                queue.name.clone(),
                figure(queue.ready),
                figure(queue.unacknowledged),
                figure(queue.consumers),
                tasks(&queue.active),
                tasks(&queue.reserved),
                tasks(&queue.scheduled),
            ]);
        } else {
            table.add_row([queue.name.as_str(), "there is none", "", "", "", "", ""]);
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    for (word, pick) in [
        ("active", (|queue| &queue.active) as fn(&Queue) -> &Option<Vec<Task>>),
        ("reserved", |queue| &queue.reserved),
        ("later", |queue| &queue.scheduled),
    ] {
        for queue in &seen.queues {
            let tasks = pick(queue).as_deref().unwrap_or_default();
            text.extend(tasks.iter().take(LISTED).map(|task| line(word, &queue.name, task)));
            if tasks.len() > LISTED {
                text.push_str(&format!("  {word}, {}: and {} more\n", queue.name, tasks.len() - LISTED));
            }
        }
    }
    for (name, messages) in &seen.others {
        let line = format!("  {messages} messages in `{name}`, which is none of the workers' queues");
        text.push_str(&(escape::line(&line) + "\n"));
    }
    terminal::harmless(text.trim_end()) + "\n"
}

/// A task in a line.
fn line(word: &str, queue: &str, task: &Task) -> String {
    let when = match (&task.eta, task.age_s) {
        (Some(eta), _) => format!(", at {}", moment(eta)),
        (None, Some(age)) => format!(", for {age:.0} s"),
        (None, None) => String::new(),
    };
    escape::line(&format!("  {word}, {queue}: {}{when}, {} ({})", task.name, task.node, task.id)) + "\n"
}

fn peeked(peek: &Peek) -> String {
    let mut text = format!("{}: {} messages wait\n", escape::line(&peek.queue), peek.ready);
    for (place, message) in peek.messages.iter().enumerate() {
        text.push_str(&format!("{:>4}  {}\n", place + 1, message_line(message)));
        let said = [("args", &message.args), ("kwargs", &message.kwargs)];
        let said = said.iter().filter_map(|(key, value)| Some(format!("{key} {}", short(value.as_deref()?))));
        let said: Vec<_> = said.collect();
        if !said.is_empty() {
            text.push_str(&format!("      {}\n", said.join("  ")));
        }
    }
    text
}

fn message_line(message: &Waiting) -> String {
    let mut words = vec![
        message.task.as_deref().map_or_else(|| "no header names a task".to_owned(), short),
        message.id.as_deref().map_or_else(String::new, short),
    ];
    if let Some(eta) = &message.eta {
        words.push(format!("at {}", short(&moment(eta))));
    }
    if let Some(retries) = message.retries.filter(|retries| *retries > 0) {
        words.push(format!("tried {retries} times before"));
    }
    if message.redelivered {
        words.push("redelivered".to_owned());
    }
    words.push(format!("{} bytes", message.bytes));
    words.retain(|word| !word.is_empty());
    words.join("  ")
}

/// A text of a header, safe for a terminal.
fn short(text: &str) -> String {
    let more = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    escape::line(&text.chars().take(LONGEST).collect::<String>()) + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_cannot_steer_a_terminal_and_are_cut() {
        let message =
            Waiting { task: Some("\x1b[2Jevil".into()), args: Some("x".repeat(500)), ..Waiting::default() };
        let peek = Peek { schema: 1, queue: "fast\x07".into(), ready: 1, messages: vec![message] };
        let text = peeked(&peek);
        assert!(!text.contains('\x1b') && !text.contains('\x07'), "{text:?}");
        assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
    }

    #[test]
    fn what_is_not_known_is_a_dash_and_a_missing_queue_is_told() {
        let queues = vec![
            Queue {
                name: "fast".into(),
                exists: true,
                ready: Some(3),
                consumers: Some(0),
                ..Queue::default()
            },
            Queue { name: "gone".into(), ..Queue::default() },
        ];
        let text = table(&Queues {
            schema: 1,
            at: String::new(),
            queues,
            others: std::collections::BTreeMap::new(),
            unasked: None,
            notes: Vec::new(),
        });
        let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(cells(text.lines().nth(1).unwrap()), ["fast", "3", "-", "0", "-", "-", "-"], "{text}");
        assert!(text.contains("there is none"), "{text}");
    }
}
