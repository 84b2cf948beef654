use async_trait::async_trait;

use super::*;
use crate::check::Scope;
use crate::model::Finding;

struct Named(CheckSpec);

#[async_trait]
impl Check for Named {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }
    async fn look(&self, _: &Scope) -> Vec<Finding> {
        vec![Finding::passed("")]
    }
}

fn registry(specs: impl IntoIterator<Item = CheckSpec>) -> Result<Registry, RegistryError> {
    Registry::new(specs.into_iter().map(|spec| Arc::new(Named(spec)) as Arc<dyn Check>).collect())
}

fn spec(id: &str, needs: &[&str]) -> CheckSpec {
    let spec = CheckSpec::new(id, id).timeout(Duration::from_secs(1));
    needs.iter().fold(spec, |spec, need| spec.needs(*need))
}

fn ids(checks: &[Arc<dyn Check>]) -> Vec<&str> {
    checks.iter().map(|check| check.spec().id.as_str()).collect()
}

#[test]
fn a_circle_is_refused_and_shown() {
    let error = registry([spec("a", &["b"]), spec("b", &["c"]), spec("c", &["a"])]).err().unwrap();
    assert_eq!(error.to_string(), "checks need each other in a circle: a → b → c → a");
}

#[test]
fn an_unknown_need_a_doubled_id_and_a_need_of_a_later_tier_are_refused() {
    let error = |specs: Vec<CheckSpec>| registry(specs).err().unwrap().to_string();
    assert_eq!(error(vec![spec("a", &["b"])]), "check `a` needs `b`, which does not exist");
    assert_eq!(error(vec![spec("a", &[]), spec("a", &[])]), "two checks have the id `a`");
    assert_eq!(
        error(vec![spec("a", &["b"]).tier(Tier::Sanity), spec("b", &[])]),
        "check `a` of tier sanity needs `b` of the later tier deploy"
    );
}

#[test]
fn a_path_of_needs_longer_than_the_default_deadline_is_refused() {
    let slow = |id: &str, needs: &[&str]| spec(id, needs).timeout(Duration::from_secs(6));
    let error = registry([slow("a", &[]), slow("b", &["a"]), slow("c", &["b"])]).err().unwrap();
    assert!(error.to_string().starts_with("the timeouts of a → b → c add up to 18s"), "{error}");
    assert!(registry([slow("a", &[]), slow("b", &["a"])]).is_ok());
}

#[test]
fn selecting_an_id_selects_what_it_needs_in_the_order_of_the_registry() {
    let registry =
        registry([spec("db", &[]), spec("cache", &[]), spec("queue", &["db"]), spec("beat", &["queue"])])
            .unwrap();
    let select = |pattern: &str| {
        let selection = Selection { patterns: vec![pattern.to_owned()], tier: None };
        registry.select(&selection).map(|checks| ids(&checks).join(" "))
    };
    assert_eq!(select("beat").unwrap(), "db queue beat");
    assert_eq!(select("?a*").unwrap(), "cache");
    assert_eq!(select("que").unwrap_err().to_string(), "no check matches `que`; did you mean `queue`?");
    assert_eq!(select("zzz").unwrap_err().to_string(), "no check matches `zzz`");
}

#[test]
fn a_tier_leaves_out_later_ones_but_not_a_check_named_by_its_id() {
    let registry =
        registry([spec("a", &[]).tier(Tier::Sanity), spec("b", &[]), spec("c", &[]).tier(Tier::Slow)])
            .unwrap();
    let select = |patterns: &[&str], tier| {
        let patterns = patterns.iter().map(ToString::to_string).collect();
        registry.select(&Selection { patterns, tier }).map(|checks| ids(&checks).join(" "))
    };
    assert_eq!(select(&[], None).unwrap(), "a b");
    assert_eq!(select(&[], Some(Tier::Sanity)).unwrap(), "a");
    assert_eq!(select(&[], Some(Tier::Slow)).unwrap(), "a b c");
    assert_eq!(select(&["*"], None).unwrap(), "a b");
    assert_eq!(select(&["c"], None).unwrap(), "c");
    assert_eq!(select(&["a", "a"], None).unwrap(), "a");
    let error = select(&["c"], Some(Tier::Deploy)).unwrap_err().to_string();
    assert_eq!(error, "every check that matches `c` is of a later tier than deploy; add `--tier slow`");
}
