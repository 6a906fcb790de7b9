// Package airports holds the data set of the example: the large and medium
// airports of OurAirports, which is in the public domain. NOTICE.md says where
// the file comes from and how it is made again.
//
//	all, err := airports.All()
//	fmt.Println(len(all), all[0].Name)
package airports

import (
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
)

//go:embed airports.tsv
var tsv string

// Size is how much traffic an airport has.
type Size string

// The sizes that the data set holds.
const (
	Large  Size = "L"
	Medium Size = "M"
)

// Airport is one record of the data set.
type Airport struct {
	Ident        string // unique; the ICAO code where there is one
	IATA         string // unique where not empty
	Size         Size
	Name         string
	Municipality string
	Country      string // ISO 3166-1 alpha-2
	Latitude     float64
	Longitude    float64
	ElevationFt  int32 // 0 also where it is not known
}

// All returns the data set, sorted by ident. The slice is shared: do not change
// it.
var All = sync.OnceValues(func() ([]Airport, error) { return parse(tsv) })

func parse(data string) ([]Airport, error) {
	lines := strings.Split(strings.TrimSuffix(data, "\n"), "\n")
	all := make([]Airport, 0, len(lines)-1)
	for i, line := range lines[1:] {
		a, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("airports: line %d: %w", i+2, err)
		}
		all = append(all, a)
	}
	return all, nil
}

func parseLine(line string) (Airport, error) {
	f := strings.Split(line, "\t")
	if len(f) != 9 {
		return Airport{}, fmt.Errorf("want 9 fields, got %d", len(f))
	}
	latitude, err := strconv.ParseFloat(f[6], 64)
	if err != nil {
		return Airport{}, fmt.Errorf("latitude: %w", err)
	}
	longitude, err := strconv.ParseFloat(f[7], 64)
	if err != nil {
		return Airport{}, fmt.Errorf("longitude: %w", err)
	}
	var elevation int64
	if f[8] != "" {
		if elevation, err = strconv.ParseInt(f[8], 10, 32); err != nil {
			return Airport{}, fmt.Errorf("elevation_ft: %w", err)
		}
	}
	return Airport{
		Ident: f[0], IATA: f[1], Size: Size(f[2]), Name: f[3], Municipality: f[4], Country: f[5],
		Latitude: latitude, Longitude: longitude, ElevationFt: int32(elevation),
	}, nil
}

// Distance returns the kilometres between two airports along a great circle, by
// the haversine formula.
func Distance(a, b Airport) float64 {
	const earthRadius = 6371
	rad := func(deg float64) float64 { return deg * math.Pi / 180 }
	lat, lon := rad(b.Latitude-a.Latitude)/2, rad(b.Longitude-a.Longitude)/2
	h := math.Pow(math.Sin(lat), 2) + math.Cos(rad(a.Latitude))*math.Cos(rad(b.Latitude))*math.Pow(math.Sin(lon), 2)
	return 2 * earthRadius * math.Asin(math.Min(1, math.Sqrt(h)))
}
