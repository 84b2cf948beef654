//! Migrations of the code beside those that the database records, squashed ones included.

use std::collections::{BTreeMap, BTreeSet};

/// A migration: app and name.
pub(crate) type Migration = (String, String);

/// What the code has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// The labels of the installed apps.
    pub(crate) apps: BTreeSet<String>,
    /// The migrations on disk, each with those that it replaces.
    pub(crate) migrations: BTreeMap<Migration, Vec<Migration>>,
}

/// How code and database differ: names by app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// On disk, and not recorded.
    pub(crate) missing: BTreeMap<String, Vec<String>>,
    /// Recorded, and not on disk.
    pub(crate) unknown: BTreeMap<String, Vec<String>>,
    /// Recorded, of an app that is not installed.
    pub(crate) uninstalled: BTreeMap<String, Vec<String>>,
}

/// Compares what the code has with what is recorded. Apps that are retired may stay recorded.
pub(crate) fn compare(known: &Known, recorded: &BTreeSet<Migration>, retired: &BTreeSet<&str>) -> Difference {
    let look = Look { known, recorded };
    let mut difference = Difference::default();
    for migration in known.migrations.keys().filter(|migration| look.is_missing(migration)) {
        add(&mut difference.missing, migration);
    }
    let replaced: BTreeSet<&Migration> = known.migrations.values().flatten().collect();
    for migration in recorded.iter().filter(|migration| !known.migrations.contains_key(*migration)) {
        let (app, _) = migration;
        if replaced.contains(migration) || retired.contains(app.as_str()) {
            continue;
        }
        let installed = known.apps.contains(app);
        add(if installed { &mut difference.unknown } else { &mut difference.uninstalled }, migration);
    }
    difference
}

fn add(to: &mut BTreeMap<String, Vec<String>>, (app, name): &Migration) {
    to.entry(app.clone()).or_default().push(name.clone());
}

/// How deep squashed migrations of squashed migrations are followed: a squash of squashes is the deepest that Django makes.
const DEPTH: usize = 2;

struct Look<'a> {
    known: &'a Known,
    recorded: &'a BTreeSet<Migration>,
}

impl Look<'_> {
    fn replaces(&self, migration: &Migration) -> &[Migration] {
        self.known.migrations.get(migration).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether it was run: it is recorded, or all that it replaces were run.
    fn was_run(&self, migration: &Migration, depth: usize) -> bool {
        let replaces = self.replaces(migration);
        self.recorded.contains(migration)
            || (depth > 0 && !replaces.is_empty() && replaces.iter().all(|old| self.was_run(old, depth - 1)))
    }

    /// Whether it, or something that it replaces, was run.
    fn was_begun(&self, migration: &Migration, depth: usize) -> bool {
        self.recorded.contains(migration)
            || (depth > 0 && self.replaces(migration).iter().any(|old| self.was_begun(old, depth - 1)))
    }

    /// Whether it is one that `manage.py migrate` would run.
    fn is_missing(&self, migration: &Migration) -> bool {
        if self.was_run(migration, DEPTH) {
            return false;
        }
        // Those that replace it stand for it when they were run, and also when nothing was begun: then they will be.
        let mut squashes =
            self.known.migrations.iter().filter(|(_, old)| old.contains(migration)).map(|(squash, _)| squash);
        if squashes.any(|squash| self.was_run(squash, DEPTH) || !self.was_begun(squash, DEPTH)) {
            return false;
        }
        // One that was begun goes on with what it replaces, as long as that is there.
        let replaces = self.replaces(migration);
        let on_disk =
            |old: &Migration| self.known.migrations.contains_key(old) || self.recorded.contains(old);
        replaces.is_empty() || !self.was_begun(migration, DEPTH) || !replaces.iter().all(on_disk)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn migration(name: &str) -> Migration {
        ("grades".to_owned(), name.to_owned())
    }

    fn known(migrations: &[(&str, &[&str])]) -> Known {
        let migrations = migrations
            .iter()
            .map(|(name, replaces)| (migration(name), replaces.iter().map(|old| migration(old)).collect()));
        Known { apps: ["grades".to_owned()].into(), migrations: migrations.collect() }
    }

    /// Names that are missing, and names that are unknown.
    fn compared(migrations: &[(&str, &[&str])], recorded: &[&str]) -> (Vec<String>, Vec<String>) {
        let recorded = recorded.iter().map(|name| migration(name)).collect();
        let difference = compare(&known(migrations), &recorded, &BTreeSet::new());
        let names = |by_app: &BTreeMap<String, Vec<String>>| by_app.values().flatten().cloned().collect();
        (names(&difference.missing), names(&difference.unknown))
    }

    fn same(migrations: &[(&str, &[&str])], recorded: &[&str]) {
        assert_eq!(compared(migrations, recorded), (vec![], vec![]), "{migrations:?} {recorded:?}");
    }

    #[test]
    fn what_is_on_one_side_only_is_named() {
        same(&[("1", &[]), ("2", &[])], &["1", "2"]);
        assert_eq!(compared(&[("1", &[]), ("2", &[])], &["1"]), (vec!["2".to_owned()], vec![]));
        assert_eq!(compared(&[("1", &[])], &["1", "2"]), (vec![], vec!["2".to_owned()]));
    }

    #[test]
    fn a_squash_and_what_it_replaces_stand_for_each_other() {
        let both: &[(&str, &[&str])] = &[("1", &[]), ("2", &[]), ("1_squashed_2", &["1", "2"])];
        let alone: &[(&str, &[&str])] = &[("1_squashed_2", &["1", "2"])];
        for migrations in [both, alone] {
            same(migrations, &["1", "2"]);
            same(migrations, &["1", "2", "1_squashed_2"]);
            same(migrations, &["1_squashed_2"]);
            assert_eq!(compared(migrations, &[]).0, ["1_squashed_2"], "only the squash will be run");
        }
        assert_eq!(compared(both, &["1"]).0, ["2"], "begun: the old ones go on");
        assert_eq!(compared(alone, &["1"]).0, ["1_squashed_2"], "begun, and the old ones are gone");
    }

    #[test]
    fn an_app_that_is_gone_is_named_unless_it_is_retired() {
        let recorded: BTreeSet<Migration> = [("alerts".to_owned(), "1".to_owned())].into();
        let difference = compare(&known(&[]), &recorded, &BTreeSet::new());
        assert_eq!(difference.uninstalled["alerts"], ["1"]);
        assert_eq!(compare(&known(&[]), &recorded, &["alerts"].into()), Difference::default());
    }

    proptest! {
        #[test]
        fn what_is_recorded_as_it_is_on_disk_is_the_same(names in proptest::collection::btree_set("[a-e]", 0..5), squashed in proptest::collection::vec(("[a-g]", proptest::collection::vec("[a-g]", 0..4)), 0..5)) {
            let migrations: BTreeMap<Migration, Vec<Migration>> = names.iter().map(|name| (migration(name), vec![]))
                .chain(squashed.iter().map(|(name, old)| (migration(name), old.iter().map(|old| migration(old)).collect())))
                .collect();
            let recorded: BTreeSet<Migration> = migrations.keys().cloned().collect();
            let known = Known { apps: ["grades".to_owned()].into(), migrations };
            prop_assert_eq!(compare(&known, &recorded, &BTreeSet::new()), Difference::default());
            // Squashes that replace each other in a circle come to an end.
            let _ = compare(&known, &BTreeSet::new(), &BTreeSet::new());
        }
    }
}
