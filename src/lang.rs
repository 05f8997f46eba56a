//! Words for pages and mails, one file per language in `lang/`.
