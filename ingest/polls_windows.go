package ingest

// pollsFiles is whether logs are followed by looking at them: NTFS reports late what is written to a file that its
// writer holds open.
const pollsFiles = true
