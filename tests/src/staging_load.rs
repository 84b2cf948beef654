//! Load on a staging server's site, while a test closes and opens it.

use serde_json::Value;

use crate::Ended;

/// A program in Python: asks for a page thirty times a second, and makes `/run/load-runs`, until somebody makes
/// `/run/load-stops`; then it prints which answers it got how often, and how many it asked for in a second.
pub const LOAD: &str = r#"
import collections, http.client, json, os, threading, time
seen, lock, threads = collections.Counter(), threading.Lock(), []
def ask():
    try:
        line = http.client.HTTPConnection("127.0.0.1", 80, timeout=30)
        line.request("GET", "/docs/", headers={"Host": "coursys.test"})
        answer = line.getresponse(); answer.read(); what = answer.status
    except Exception as error:
        what = repr(error)
    with lock: seen[str(what)] += 1
open("/run/load-runs", "w").close()
begin = time.monotonic()
while not os.path.exists("/run/load-stops"):
    thread = threading.Thread(target=ask); thread.start(); threads.append(thread)
    time.sleep(max(0, begin + len(threads) / 30 - time.monotonic()))
took = time.monotonic() - begin
for thread in threads: thread.join()
print(json.dumps({"answers": seen, "rate": len(threads) / took}))
"#;

/// Whether the load was one, and every answer a page or the word that the site is closed; both came.
///
/// # Panics
/// It was not.
pub fn was_served(load: &Ended) {
    let told: Value = serde_json::from_str(&load.stdout).unwrap_or_else(|error| panic!("{error}: {load:?}"));
    eprintln!("{told}");
    let answers = told["answers"].as_object().unwrap();
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["200", "503"], "{told}");
    assert!(told["rate"].as_f64().unwrap() > 25.0, "{told}");
}

/// The site's `docs/urls.py` with a page more, which writes the time into a file, as the site sees it, for as many seconds
/// as its address says.
#[must_use]
pub fn slow_page(file: &str) -> String {
    format!(
        r#"
import time
from django.http import HttpResponse
from django.urls import path
from . import views
def slow(request, seconds):
    until = time.time() + seconds
    while time.time() < until:
        with open("{file}", "a") as out: out.write("%f\n" % time.time())
        time.sleep(0.2)
    return HttpResponse("done")
urlpatterns = [path("", views.index, name="docs"), path("slow/<int:seconds>/", slow)]
"#
    )
}
