//! Where the site keeps who is signed in.

use coursys_ops_core::Scope;
use coursys_ops_core::model::Finding;

use crate::site_shell::ask_site;

const PROGRAM: &str = "\
from django.conf import settings
answer = [settings.SESSION_ENGINE, settings.CACHES.get(getattr(settings, 'SESSION_CACHE_ALIAS', 'default'), {}).get('BACKEND', '')]";

/// Where sessions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// Nowhere but in the cache: an empty cache signs everybody out.
    Cache,
    /// In the database, a file or a cookie: the cache holds copies at most.
    Elsewhere,
}

/// Asks the site.
///
/// # Errors
///
/// The finding that says why it does not tell.
pub async fn sessions(scope: &Scope) -> Result<Sessions, Finding> {
    let (engine, backend): (String, String) = ask_site(scope, PROGRAM, &()).await?;
    Ok(judge(&engine, &backend))
}

fn judge(engine: &str, backend: &str) -> Sessions {
    let cached = engine.rsplit('.').next() == Some("cache");
    // A cache in files or in the database is not memcached.
    if cached && backend.contains("memcached") { Sessions::Cache } else { Sessions::Elsewhere }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sessions_that_are_nowhere_else_go_with_the_cache() {
        let memcached = "django.core.cache.backends.memcached.PyMemcacheCache";
        let at = |engine: &str| judge(&format!("django.contrib.sessions.backends.{engine}"), memcached);
        assert_eq!(at("cache"), Sessions::Cache);
        for engine in ["db", "cached_db", "file", "signed_cookies"] {
            assert_eq!(at(engine), Sessions::Elsewhere, "{engine}");
        }
        let files = "django.core.cache.backends.filebased.FileBasedCache";
        assert_eq!(judge("django.contrib.sessions.backends.cache", files), Sessions::Elsewhere);
    }
}
