package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/sqlc-dev/plugin-sdk-go/plugin"
)

// generate returns contract.json: every query of the request, by its name.
//
// A query has no types of parameters: pgx asks the server for them, as compat_guard then does.
func generate(_ context.Context, request *plugin.GenerateRequest) (*plugin.GenerateResponse, error) {
	if engine := request.GetSettings().GetEngine(); engine != "postgresql" {
		return nil, fmt.Errorf("compat_guard is for PostgreSQL, and the engine is %s", engine)
	}
	queries := map[string]string{}
	for _, query := range request.GetQueries() {
		queries[query.GetName()] = query.GetText()
	}
	text, err := encode(map[string]any{"queries": queries})
	if err != nil {
		return nil, err
	}
	return &plugin.GenerateResponse{Files: []*plugin.File{{Name: "contract.json", Contents: text}}}, nil
}

// encode returns a contract as it is written to a file: indented, and its operators legible.
func encode(contract map[string]any) ([]byte, error) {
	var text bytes.Buffer

	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(contract)
	return text.Bytes(), err
}
