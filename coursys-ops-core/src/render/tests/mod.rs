//! What must hold for every renderer: sample reports as golden files, and hostile texts in every field.

mod golden;
mod hostile;
mod rules;
mod samples;
mod tools;
