// Package catalog says what the travel company of the example sells: which
// airports there are, which routes it flies between them, and the seats of its
// flights. It is computed from the data set, so every process that opens a new
// database fills it with the same rows.
//
//	c, err := catalog.New()
//	fmt.Println(c.Routes[0].Origin, c.Routes[0].Destination) // ATL DXB
package catalog

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/freshet-io/freshet/examples/travel/internal/airports"
)

// The size of the company.
const (
	routes      = 200
	flights     = 100
	rows        = 8
	rowLetters  = "ACDF"
	firstFlight = 101
)

// hubs are the airports that the company flies between, the busiest first.
var hubs = [...]string{
	"ATL", "DXB", "DFW", "LHR", "HND", "DEN", "IST", "ORD", "LAX", "CDG", "AMS", "FRA", "MAD",
	"JFK", "SIN", "BKK", "SFO", "HKG", "BOM", "DEL", "BCN", "MUC", "FCO", "YYZ", "GRU",
}

// Route is a pair of airports, by IATA code, with the fare it starts with.
type Route struct {
	Origin, Destination string
	AmountCents         int64
}

// Flight is one departure. ZZ is no airline's code.
type Flight struct {
	Number string
	Route  Route
}

// Catalog is everything on sale, each list with what is asked for most first.
type Catalog struct {
	Airports []airports.Airport
	Routes   []Route
	Flights  []Flight
	Seats    []string // the seat numbers of every flight
}

// New computes the catalog. It fails only if the data set is not whole.
func New() (*Catalog, error) {
	all, err := airports.All()
	if err != nil {
		return nil, err
	}
	c := &Catalog{Airports: byPopularity(all), Seats: seatNumbers()}
	if c.Routes, err = routesBetween(c.Airports); err != nil {
		return nil, err
	}
	for i := range flights {
		c.Flights = append(c.Flights, Flight{Number: fmt.Sprintf("ZZ%d", firstFlight+i), Route: c.Routes[i]})
	}
	return c, nil
}

// byPopularity puts the hubs first, then the large airports, then the rest.
func byPopularity(all []airports.Airport) []airports.Airport {
	rank := make(map[string]int, len(hubs))
	for i, code := range hubs {
		rank[code] = i - len(hubs)
	}
	place := func(a airports.Airport) int {
		if r, ok := rank[a.IATA]; ok {
			return r
		}
		if a.Size == airports.Large {
			return 0
		}
		return 1
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b airports.Airport) int { return cmp.Compare(place(a), place(b)) })
	return sorted
}

// routesBetween pairs the hubs, the busiest pairs first, and sets each route's
// fare by its length.
func routesBetween(sorted []airports.Airport) ([]Route, error) {
	var list []Route
	for sum := 1; len(list) < routes; sum++ {
		for i := range sum + 1 {
			if j := sum - i; i != j && len(list) < routes {
				if max(i, j) >= len(hubs) {
					return nil, fmt.Errorf("catalog: %d hubs are too few for %d routes", len(hubs), routes)
				}
				from, to := sorted[i], sorted[j]
				if from.IATA != hubs[i] || to.IATA != hubs[j] {
					return nil, fmt.Errorf("catalog: hub %s or %s is not in the data set", hubs[i], hubs[j])
				}
				fare := 2000 + int64(8*airports.Distance(from, to))
				list = append(list, Route{Origin: from.IATA, Destination: to.IATA, AmountCents: fare})
			}
		}
	}
	return list, nil
}

func seatNumbers() []string {
	numbers := make([]string, 0, rows*len(rowLetters))
	for row := range rows {
		for _, letter := range rowLetters {
			numbers = append(numbers, fmt.Sprintf("%d%c", row+1, letter))
		}
	}
	return numbers
}
