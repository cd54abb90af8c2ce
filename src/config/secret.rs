//! Secrets by reference.
/// Says whether a text refers to a secret instead of being one.
pub(crate) fn is_reference(text: &str) -> bool {
    ["env:", "file:", "command:"].iter().any(|scheme| text.starts_with(scheme))
}
