//! Rules that more than one key take part in.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{Origin, Problem};
use super::merge::{Merged, Setting};
use super::model::{PrivatePort, Subnet};
use super::schema::{COMPONENTS, SERVERS, component_of};
use super::value::Value;

/// Applies the rules to the merged settings; what breaks one is added to the problems.
pub(super) fn apply(merged: &mut Merged) {
    queues(merged);
    located(merged);
    encryption(merged);
    components(merged);
    needs(merged);
    places(merged);
    ports(merged);
    thresholds(merged);
}

/// Pairs of thresholds: the one that warns must be reached before the one that fails.
const THRESHOLDS: [(&str, &str, Direction); 4] = [
    ("system.load_warn", "system.load_fail", Direction::Rising),
    ("system.memory_warn_percent", "system.memory_fail_percent", Direction::Falling),
    ("system.swap_warn_percent", "system.swap_fail_percent", Direction::Rising),
    ("search.heap_warn_percent", "search.heap_fail_percent", Direction::Rising),
];

/// In which direction a figure gets worse.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Rising,
    Falling,
}

/// What fails has warned before.
fn thresholds(merged: &mut Merged) {
    for (warn, fail, direction) in THRESHOLDS {
        let number = |key: &str| match merged.settings.get(key)? {
            Setting { value: Value::Number(number), origin, .. } => Some((*number, origin.clone())),
            _ => None,
        };
        let (Some((warns, warn_origin)), Some((fails, fail_origin))) = (number(warn), number(fail)) else {
            continue;
        };
        let (wrong, should) = match direction {
            Direction::Rising => (warns > fails, "at least"),
            Direction::Falling => (warns < fails, "at most"),
        };
        if wrong {
            let message = format!("expected {should} `{warn}`, which is {warns}, found {fails}");
            merged.problems.push(Problem::new(warn_origin.max(fail_origin), fail, message));
        }
    }
}

/// The beat's queue and the long ones are among the queues.
fn queues(merged: &mut Merged) {
    let Some(queues) = merged.settings.get("celery.queues").cloned() else { return };
    let known: BTreeSet<&str> = queues.value.list().unwrap_or_default().iter().map(String::as_str).collect();
    let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let among = |name: &str, verb: &str| {
        let near = crate::nearest::nearest(name, known.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!("expected {verb} of `celery.queues` ({list}), found `{name}`{near}")
    };
    if let Some(beat) = merged.settings.get("celery.beat_queue")
        && let Some(name) = beat.value.text()
        && !known.is_empty()
        && !known.contains(name)
    {
        let origin = beat.origin.clone().max(queues.origin.clone());
        merged.problems.push(Problem::new(origin, "celery.beat_queue", among(name, "one")));
    }
    if let Some(long) = merged.settings.get_mut("celery.long_queues")
        && let Value::List(names) = &mut long.value
    {
        if long.origin.layer() < queues.origin.layer() {
            // Those of a lower layer were written without knowing the queues: who is gone is simply not long.
            names.retain(|name| known.contains(name.as_str()));
        } else if let Some(name) = names.iter().find(|name| !known.contains(name.as_str())) {
            let message = among(name, "some");
            merged.problems.push(Problem::new(long.origin.clone(), "celery.long_queues", message));
        }
    }
}

/// Who is to look somewhere else is a worker of one of the queues.
fn located(merged: &mut Merged) {
    const KEY: &str = "checks.located";
    let Some(Setting { value, origin }) = merged.settings.get(KEY) else { return };
    let places = value.pairs().unwrap_or_default();
    let queues = merged.settings.get("celery.queues");
    let queues = queues.and_then(|queues| queues.value.list()).unwrap_or_default();
    let known = || queues.iter().map(String::as_str);
    let list = known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut problems = Vec::new();
    for (pattern, queue) in places.iter().filter(|(_, queue)| !queues.contains(queue)) {
        let near = crate::nearest::nearest(queue, known());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let (pattern, queue) = (pattern.escape_debug(), queue.escape_debug());
        let message =
            format!("expected one of `celery.queues` ({list}) for `{pattern}`, found `{queue}`{near}");
        problems.push(Problem::new(origin.clone(), KEY, message));
    }
    if !places.is_empty() && !merged.settings.contains_key(&format!("{COMPONENTS}.celery.manager")) {
        let message = "nobody can look there: this layout has no component `celery`";
        problems.push(Problem::new(origin.clone(), KEY, message));
    }
    merged.problems.append(&mut problems);
}

/// TLS is for hosts: a Unix socket is never encrypted, and neither is NTP. What cannot be had must not seem to be.
fn encryption(merged: &mut Merged) {
    if let Some(tls) = merged.settings.get("time.tls").filter(|tls| tls.value.text() == Some("required")) {
        let problem = Problem::new(tls.origin.clone(), "time.tls", "NTP knows no TLS");
        merged.problems.push(problem.hint("set `time.tls = \"off\"`"));
    }
    for section in SERVERS {
        let get = |name: &str| merged.settings.get(&format!("{section}.{name}"));
        if let (Some(socket), Some(tls)) = (get("socket"), get("tls"))
            && tls.value.text() == Some("required")
        {
            let key = format!("{section}.tls");
            let origin = socket.origin.clone().max(tls.origin.clone());
            let message = format!("TLS is not possible over `{section}.socket`");
            let hint = format!("set `{key} = \"off\"`, or a host instead of the socket");
            merged.problems.push(Problem::new(origin, &key, message).hint(hint));
        }
    }
}

/// What the lists of ports and networks hold can be read.
fn ports(merged: &mut Merged) {
    let mut check = |key: &str, read: fn(&str) -> Option<String>| {
        let Some(list) = merged.settings.get(key) else { return };
        let wrong = list.value.list().unwrap_or_default().iter().find_map(|text| read(text));
        if let Some(message) = wrong {
            merged.problems.push(Problem::new(list.origin.clone(), key, message));
        }
    };
    check("ports.private", |text| text.parse::<PrivatePort>().err());
    check("ports.allowed_networks", |text| text.parse::<Subnet>().err());
}

/// Every component has a manager.
fn components(merged: &mut Merged) {
    let mut without = Vec::new();
    for (key, Setting { origin, .. }) in &merged.settings {
        if let Some((name, _)) = component_of(key) {
            let manager = format!("{COMPONENTS}.{name}.manager");
            if !merged.settings.contains_key(&manager) && without.iter().all(|(path, _)| path != &manager) {
                without.push((manager, origin.clone()));
            }
        }
    }
    for (manager, origin) in without {
        let message = "is missing: the profile has no such component";
        let names = merged.settings.keys().filter_map(|key| component_of(key)).map(|(name, _)| name);
        let name = component_of(&manager).map(|(name, _)| name).unwrap_or_default().to_owned();
        let near = crate::nearest::nearest(&name, names.filter(|other| *other != name));
        let near = near.map(|near| format!("; did you mean `{COMPONENTS}.{near}`?")).unwrap_or_default();
        merged.problems.push(Problem::new(origin, &manager, format!("{message}{near}")));
    }
}

/// Who is needed is there, and nobody needs himself through others.
fn needs(merged: &mut Merged) {
    let names: BTreeSet<String> =
        merged.settings.keys().filter_map(|key| component_of(key)).map(|(name, _)| name.to_owned()).collect();
    let mut problems = Vec::new();
    let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, setting) in &mut merged.settings {
        let (Some((name, "needs")), Value::List(needs)) = (component_of(key), &mut setting.value) else {
            continue;
        };
        if matches!(setting.origin, Origin::Profile(_)) {
            // A profile cannot know what was taken away.
            needs.retain(|need| names.contains(need));
        } else if let Some(need) = needs.iter().find(|need| !names.contains(*need)) {
            let near = crate::nearest::nearest(need, names.iter().map(String::as_str));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let message = format!("there is no component `{}`{near}", need.escape_debug());
            problems.push(Problem::new(setting.origin.clone(), key, message));
        }
        graph.insert(name.to_owned(), needs.clone());
    }
    if let Some(name) = graph.keys().find(|name| reaches(&graph, name, name)) {
        let key = format!("{COMPONENTS}.{name}.needs");
        if let Some(setting) = merged.settings.get(&key) {
            let message = format!("`{name}` needs itself through others");
            problems.push(Problem::new(setting.origin.clone(), &key, message));
        }
    }
    merged.problems.append(&mut problems);
}

/// Whether a way of one step or more leads from one to the other.
fn reaches(graph: &BTreeMap<String, Vec<String>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = graph.get(from).into_iter().flatten().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            open.extend(graph.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    false
}

/// Where components listen has a port.
fn places(merged: &mut Merged) {
    for (key, setting) in &merged.settings {
        let (Some((_, "listens")), Value::List(places)) = (component_of(key), &setting.value) else {
            continue;
        };
        let port = |place: &str| place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if let Some(place) = places.iter().find(|place| !port(place)) {
            let message =
                format!("expected places like `127.0.0.1:8000` or `*:80`, found `{}`", place.escape_debug());
            merged.problems.push(Problem::new(setting.origin.clone(), key, message));
        }
    }
}
