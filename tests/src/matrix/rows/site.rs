//! Faults of the site's own settings, of which the servers know nothing.

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
