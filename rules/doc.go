// Package rules turns rule files into findings.
//
// Load reads YAML files and names every mistake of every file at once, each with its file, line and
// column. What it returns is a Set, which never changes and may be shared. A Judge, one for each
// worker, says which rules a sign-in meets; Findings turns what the pipeline folded (usage rows, and
// minutes of the rules that count in a window) into findings. Nothing here reads the clock: a replay
// of last month finds what last month found, in any order of files and with any number of workers.
//
// A rule's expression is one of the expr language, kept to what ends soon and allocates little: see
// vet. It is split at &&, || and ! into conditions. A condition that reads only fields of which there
// are few combinations is evaluated once for each combination, one on the account once for each
// account, and so on; what is left for a sign-in is to look up the classes that its values fall into.
// The outcome is exactly that of the whole expression, errors included: a condition that fails breaks
// its rule where the whole expression would have reached it, and only there.
package rules
