//! The order of the components: who is needed comes first.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Component;

/// The names of the components, each after all that it needs, otherwise in the order of the alphabet.
#[must_use]
pub fn in_order(components: &BTreeMap<String, Component>) -> Vec<String> {
    let mut ordered: Vec<String> = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    while ordered.len() < components.len() {
        let is_ready = |name: &str, component: &Component| {
            !done.contains(name)
                && component
                    .needs
                    .iter()
                    .all(|need| done.contains(need.as_str()) || !components.contains_key(need))
        };
        let ready = components.iter().find(|(name, component)| is_ready(name, component));
        // The configuration refuses circles; should one be here after all, it is cut somewhere.
        let next = ready.or_else(|| components.iter().find(|(name, _)| !done.contains(name.as_str())));
        let Some((name, _)) = next else { break };
        done.insert(name);
        ordered.push(name.clone());
    }
    ordered
}

/// The names of those that need one of these, directly or through others, in the order given by `ordered`.
pub(super) fn dependents<'a>(
    components: &'a BTreeMap<String, Component>,
    ordered: &'a [String],
    of: &str,
) -> Vec<&'a str> {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    let mut list = Vec::new();
    for name in ordered {
        let Some(component) = components.get(name) else { continue };
        if component.needs.iter().any(|need| need == of || found.contains(need.as_str())) {
            found.insert(name);
            list.push(name.as_str());
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Sources, load};

    fn components(layout: &str) -> BTreeMap<String, Component> {
        let sources = Sources { layout: Some(layout.to_owned()), ..Sources::default() };
        load(&sources).unwrap().config.components
    }

    #[test]
    fn who_is_needed_comes_first_in_every_layout() {
        for layout in ["vm", "compose", "devel"] {
            let components = components(layout);
            let ordered = in_order(&components);
            assert_eq!(ordered.len(), components.len());
            let place = |name: &str| ordered.iter().position(|one| one == name);
            for (name, component) in &components {
                for need in &component.needs {
                    assert!(place(need).unwrap() < place(name).unwrap(), "{layout}: {need} before {name}");
                }
            }
        }
    }

    #[test]
    fn whoever_needs_it_through_others_is_a_dependent() {
        let components = components("vm");
        let ordered = in_order(&components);
        assert_eq!(
            dependents(&components, &ordered, "rabbitmq"),
            ["celery", "celerybeat", "gunicorn", "nginx"]
        );
        assert_eq!(dependents(&components, &ordered, "nginx"), [""; 0]);
    }
}
