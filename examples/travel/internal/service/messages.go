package service

import (
	"github.com/freshet-io/freshet/examples/travel/internal/airports"
	"github.com/freshet-io/freshet/examples/travel/internal/db"
	travelv1 "github.com/freshet-io/freshet/examples/travel/proto/freshet/examples/travel/v1"
)

// AirportMessage is what everybody is shown of an airport.
func AirportMessage(a db.Airport) *travelv1.Airport {
	size := map[airports.Size]travelv1.Airport_Size{
		airports.Large: travelv1.Airport_LARGE, airports.Medium: travelv1.Airport_MEDIUM,
	}
	return &travelv1.Airport{
		Ident: a.Ident, Iata: a.IATA, Name: a.Name, Municipality: a.Municipality, Country: a.Country,
		Size: size[a.Size], Latitude: a.Latitude, Longitude: a.Longitude, ElevationFt: a.ElevationFt,
		Notice: a.Notice, Version: a.Version,
	}
}

// FareMessage is what everybody is shown of a fare.
func FareMessage(f db.Fare) *travelv1.Fare {
	return &travelv1.Fare{
		Origin: f.Origin, Destination: f.Destination, AmountCents: f.AmountCents, Currency: "EUR", Version: f.Version,
	}
}

// SeatMessage is what a traveller is shown of a seat: whose it is only where it
// is the traveller's own.
func SeatMessage(s db.Seat, traveller string) *travelv1.Seat {
	state := map[db.State]travelv1.Seat_State{
		db.Free: travelv1.Seat_FREE, db.Held: travelv1.Seat_HELD, db.Sold: travelv1.Seat_SOLD,
	}
	return &travelv1.Seat{
		Flight: s.Flight, Number: s.Number, State: state[s.State],
		Yours: s.Holder != "" && s.Holder == traveller, Version: s.Version,
	}
}

// SeatMapMessage is what a traveller is shown of a flight's seats.
func SeatMapMessage(m db.SeatMap, traveller string) *travelv1.GetSeatMapResponse {
	list := make([]*travelv1.Seat, len(m.Seats))
	for i, s := range m.Seats {
		list[i] = SeatMessage(s, traveller)
	}
	return &travelv1.GetSeatMapResponse{Flight: m.Flight, Seats: list, Version: m.Version}
}
