// Package tail turns what an operator names on a command line into bytes, and bytes into lines.
//
// [Find] expands files, directories, globs and standard input into a list of [Input] streams: plain files, gzip
// files, members of zip archives. [Input.Open] reads one from its start, decompressed and within [Limits];
// [Input.OpenAt] reads a plain one at any offset, so that a big file can be cut ([Cut]) and read by several workers.
//
// A [Scanner] yields the lines of a stream or of a [Span], borrowed from its own buffer, without allocating. Its
// lines tile the bytes exactly: offset plus size is the next line's offset, whatever the log looks like, so that a
// ledger of ranges can prove what was read.
//
// Not every log is a list of lines. Where records are elements of a JSON document, events in XML, rows of CSV or blocks
// of lines, ResetForm makes a Scanner yield those. A [Form] says how they are framed; a [Mark] is where reading goes on.
//
// Nothing here knows what a line or a record means, and nothing here logs: what went wrong is a [Problem] or an error.
package tail
