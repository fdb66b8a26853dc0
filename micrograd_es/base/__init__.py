"""What everything else stands on: errors, real numbers, files, languages, templates, colours."""
