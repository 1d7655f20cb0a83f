// Package mfa decodes the logs of MFA gateways and identity providers: each record becomes one event of a second factor
// (signin.MFAFacts), a cloud sign-in (signin.Facts with a Resource), or both. It reports what the record says, and turns
// the vendor's word into an outcome by a table that the operator can extend: a word that is in no table is
// signin.FactorUnknown, never a pass and never a bypass.
//
// Another gateway is one file here: a look that knows it by its content, a Decoder, and a table of outcomes. Or it is none:
// a Mapping, which an operator writes, declares how its log is read.
package mfa
