package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
)

type size struct {
	mib, requests int
}

var (
	quick = []size{{16, 300_000}}
	full  = []size{{16, 5_000_000}, {64, 5_000_000}, {256, 5_000_000}}
)

// row is what one trace gives at one size, as parts of all requests.
type row struct {
	Trace    string             `json:"trace"`
	MiB      int                `json:"mib"`
	Requests int                `json:"requests"`
	Ratio    map[string]float64 `json:"hit_ratio"`
}

func main() {
	all := flag.Bool("full", false, "all sizes, 5 million requests each")
	asJSON := flag.Bool("json", false, "print rows as lines of JSON")
	flag.Parse()
	sizes := quick
	if *all {
		sizes = full
	}
	if err := run(os.Stdout, sizes, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(w io.Writer, sizes []size, asJSON bool) error {
	r := newRanks(keys, exponent)
	if !asJSON {
		fmt.Fprintf(w, "%-6s %4s", "trace", "MiB")
		for _, s := range subjects {
			fmt.Fprintf(w, " %9s", s.name)
		}
		fmt.Fprintln(w)
	}
	for _, kind := range traces {
		for _, sz := range sizes {
			out, err := compare(kind, r, sz)
			if err != nil {
				return err
			}
			if asJSON {
				err = json.NewEncoder(w).Encode(out)
			} else {
				_, err = fmt.Fprintln(w, out)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (r row) String() string {
	s := fmt.Sprintf("%-6s %4d", r.Trace, r.MiB)
	for _, c := range subjects {
		s += fmt.Sprintf(" %9.3f", r.Ratio[c.name])
	}
	return s
}

// compare runs one trace through all caches, one after another.
func compare(kind string, r ranks, sz size) (row, error) {
	requests, err := trace(kind, r, sz.requests)
	if err != nil {
		return row{}, err
	}
	out := row{Trace: kind, MiB: sz.mib, Requests: sz.requests, Ratio: map[string]float64{}}
	for _, s := range subjects {
		c, err := s.open(int64(sz.mib) << 20)
		if err != nil {
			return row{}, fmt.Errorf("hitratio: %s: %w", s.name, err)
		}
		ratio, err := replay(c, requests)
		if err != nil {
			return row{}, fmt.Errorf("hitratio: %s: %w", s.name, err)
		}
		out.Ratio[s.name] = ratio
	}
	return out, nil
}

// replay asks for each key, sets what is not found, closes the cache and returns
// which part was found.
func replay(c subject, requests []uint32) (float64, error) {
	value := make([]byte, valueBytes)
	hits := 0
	for _, n := range requests {
		key := digest(n)
		found, err := c.get(key)
		if err != nil {
			return 0, err
		}
		if found {
			hits++
			continue
		}
		if err := c.set(key, value); err != nil {
			return 0, err
		}
	}
	return float64(hits) / float64(len(requests)), c.close()
}
