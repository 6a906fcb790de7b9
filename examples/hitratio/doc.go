// Command hitratio compares how often a cache has the answer, for the same bytes:
// freshet's store, otter v2, and BigCache alone.
//
//	go run ./examples/hitratio
//
// It takes the quick size, 16 MiB, and some seconds. All sizes, 5 million
// requests each, take some minutes and 1 GiB of memory:
//
//	go run ./examples/hitratio -full
//
// With -json each row is printed as a line of JSON.
//
// # What is measured
//
// Each trace asks for 1 M keys with values of 1 KiB and a Zipf exponent of 0.99,
// one request after another; what is not found is set. The whole trace counts, the
// filling of the empty cache included. The seed is fixed. Traces:
//
//   - zipf: nothing but that.
//   - scan: one request in five asks for a key that is never asked for again.
//   - loop: every second request goes round 100,000 keys of its own.
//   - shift: the ranking moves by one key every 25 requests: the most popular key
//     is forgotten and all others are a rank higher.
//   - news: it moves the other way: a new key is the most popular at once and
//     then fades.
//
// # What equal bytes means
//
// For freshet's store, everything: the budget of which the queues, the index, what is
// remembered for admission, and buffers are part. For BigCache HardMaxCacheSize, which
// leaves out its index. For otter MaximumWeight over the bytes of keys and values,
// which leaves out its nodes, table and sketch. So the comparison favours the others.
package main
