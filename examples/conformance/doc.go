// Command conformance holds caches for gRPC against some 280 cases of what such a cache must do:
// freshet's own, and two that are written as people write them today.
//
//	go run ./examples/conformance
//
// It prints how many cases of each section each cache passes; -failures lists those that it fails,
// and -json writes results in the format of cache-tests
// (https://github.com/http-tests/cache-tests): an object of case id to true, or to a list of
// the kind of failure and a sentence. The kinds are Assertion (the cache did something else),
// Setup (it has no way to be asked for what the case is about) and Dependency (a case without
// which this one means nothing has failed: its id). It ends with exit code 1 if freshet fails a case.
//
// # Cases
//
// A case is data: a rule, what the origin is to answer, and steps, each of which lets time pass,
// changes the origin, makes calls, and says what is to come of them. They are the YAML files of
// internal/suite, in the language that package internal/script documents; the few that no list of
// steps can express (a heap that is measured, a message that is scribbled over) name a Go
// function there. Where a case comes from is said by its field from: a test of cache-tests, a section
// of an RFC, somebody's bug. It is no test of cache-tests itself: those speak HTTP.
//
// Each case is played in a bubble of testing/synctest, by real gRPC channels and servers over
// connections in memory, so that an hour of the script takes no time. How a call was answered
// is judged by the origin's log and not by what the cache says: every reply carries the number
// of the origin's call that it comes from.
//
// # Caches
//
// A cache takes part through internal/subject: it is dial options, made from a case's rules. What else a
// case may ask of it (to invalidate a group, to count, a call option) it implements or not; what
// a user would expect of a cache and it has not is a case that it fails.
package main
