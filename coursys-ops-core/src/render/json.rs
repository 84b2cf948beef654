//! One JSON document: the report as it is. Its schema is `docs/report.schema.json`.

use schemars::generate::SchemaSettings;

use super::{RenderError, escape};
use crate::model::Report;

/// The report as a document of its own, pretty, with a newline at its end.
///
/// # Errors
///
/// None that is known; see [`RenderError`].
pub fn render(report: &Report) -> Result<String, RenderError> {
    let mut document = escape::json(&serde_json::to_string_pretty(report)?);
    document.push('\n');
    Ok(document)
}

/// The JSON Schema of what [`render`] writes, pretty, with a newline at its end.
///
/// # Errors
///
/// None that is known; see [`RenderError`].
pub fn schema() -> Result<String, RenderError> {
    // For writing, because every key is always present then, those that may be null too.
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut document = serde_json::to_string_pretty(&generator.into_root_schema_for::<Report>())?;
    document.push('\n');
    Ok(document)
}
