//! Reports as text, and the words that they are made of.

use coursys_ops_core::model::{Code, ExitPolicy, Report};
use coursys_ops_core::render::{html, json, junit, nagios, prometheus, text};
use pyo3::prelude::*;

use crate::error::Error;

/// The closed list of finding codes with their meanings, for those who translate or document them.
#[pyfunction]
pub fn codes() -> Vec<(&'static str, &'static str)> {
    Code::ALL.iter().map(|code| (code.as_str(), code.meaning())).collect()
}

/// A report, given as its JSON document, in another format: `text`, `json`, `html`, `junit`, `nagios` or `prometheus`. `width`
/// is that of text, in columns; `verbose` shows what passed, too.
#[pyfunction]
#[pyo3(name = "render", signature = (report, format, *, width=100, verbose=false, strict=false))]
pub fn rendered(report: &str, format: &str, width: usize, verbose: bool, strict: bool) -> PyResult<String> {
    let report = read(report)?;
    let rendered = match format {
        "text" => Ok(text::render(&report, text::Style { colour: false, width, verbose, asked: None })),
        "json" => json::render(&report),
        "html" => html::render(&report),
        "junit" => junit::render(&report),
        "nagios" => Ok(nagios::render(&report, ExitPolicy { strict })),
        "prometheus" => prometheus::render(&report),
        other => return Err(Error::usage(format!("unknown format `{other}`")).into()),
    };
    Ok(rendered.map_err(Error::other)?)
}

/// The exit code that the plugin API of Nagios has for a report, given as its JSON document: 0 to 3.
#[pyfunction]
#[pyo3(signature = (report, *, strict=false))]
pub fn nagios_code(report: &str, strict: bool) -> PyResult<u8> {
    Ok(nagios::exit_code(&read(report)?, ExitPolicy { strict }))
}

fn read(report: &str) -> Result<Report, Error> {
    serde_json::from_str(report).map_err(|error| Error::usage(format!("no report: {error}")))
}
