// Package exchange decodes the logs that Exchange Server and IIS write: IIS W3C, HttpProxy, the protocol logs of POP3,
// IMAP4 and SMTP receive.
//
// [Recognize] says from its content what a file is, and of the logs that are not counted why they are not. The
// [ingest.Decoder] of a format turns lines into [signin.Facts]: columns go by name under the header that is in force,
// which may stand anywhere in a file and change in the middle of it. A decoder reports what a line says and concludes
// nothing; [signin.Classifier] does.
//
// What is secret in these logs stays in them: queries, cookies and an Authorization column, which holds passwords,
// never reach the facts.
//
// The shapes come from public samples and from Microsoft's documentation, as reference/log-formats.md lists them.
package exchange
