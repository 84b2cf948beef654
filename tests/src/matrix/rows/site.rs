//! Faults of the site's own settings and processes, of which the servers know nothing.

use std::time::Duration;

use crate::inject;
use crate::matrix::{Fault, Scene};

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    vec![
        Fault::new("each process of the site has a cache of its own", "local cache instead of a shared one")
            .with(|scene| {
                let local = "{'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}";
                settings(scene, &format!("CACHES = {local}"));
            })
            .slow()
            .culprit("cache.shared", "failed not_shared")
            // The settings are a file of the site's code.
            .also("code.state", "failed uncommitted"),
        Fault::new("the site's keys in the cache begin with something else", "wrong key prefix")
            .set("cache.key_prefix", "other")
            .slow()
            .culprit("cache.shared", "failed not_shared")
            .culprit("code.settings", "failed differs"),
        Fault::new("one of gunicorn's processes was started without a locale", "wrong locale")
            .with(|scene| {
                // Known, as any process of gunicorn, by its user, its directory and a word of its command.
                let mut stray =
                    inject::as_site(scene, &["python", "-c", "import time; time.sleep(60)", "gunicorn"]);
                stray.env("LANG", "C");
                inject::spawned(scene, stray, Duration::from_millis(500));
            })
            .culprit("site.locale", "failed not_utf8")
            .telling("without a UTF-8 locale"),
    ]
}

/// The site's settings end with these lines, as far as the program's children see them.
fn settings(scene: &mut Scene<'_>, lines: &str) {
    let original = scene.servers.root().join("site/site_fixture/settings.py");
    let changed = scene.directory().join("settings.py");
    let text = std::fs::read_to_string(&original).unwrap();
    std::fs::write(&changed, format!("{text}\n{lines}\n")).unwrap();
    scene.bind(&changed, &original);
}
