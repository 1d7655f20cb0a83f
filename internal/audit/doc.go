// Package audit answers questions over what was stored: which person a name means, what an MFA gateway covers, and what
// the gateways say of each sign-in. Its functions are pure: they read nothing, write nothing and know no clock, and give
// the same answer for the same data in whatever order it arrives.
package audit
