// Command compat-guard-sqlc makes a contract of the queries that sqlc knows.
//
// Without arguments it is a plugin of sqlc: `sqlc generate` writes contract.json.
// With them it prints such a file, registers it, or checks the schema against it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/sqlc-dev/plugin-sdk-go/codegen"
)

const (
	exitReady = iota
	exitNotReady
	exitFailed
)

const usage = `usage: compat-guard-sqlc COMMAND [OPTION]... CONTRACT

CONTRACT is the file that the plugin wrote.
  contract   print the contract
  register   register it for a version of an application
  check      ask whether the schema has what the version needs; nothing is stored

`

type options struct {
	app, version, replaces, role, searchPath, url string
}

func main() {
	// sqlc calls a plugin with the name of a method.
	if len(os.Args) == 1 || strings.HasPrefix(os.Args[1], "/plugin.") {
		codegen.Run(generate)
		return
	}
	code, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "compat-guard-sqlc:", message(err))
		code = exitFailed
	}
	os.Exit(code)
}

// message returns the text of an error, and the detail of one from the server.
func message(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return strings.TrimSpace(pgErr.Message + "\n" + pgErr.Detail)
	}
	return err.Error()
}

// run runs a command and returns its exit code.
func run(command string, args []string) (int, error) {
	var o options
	flags := flag.NewFlagSet("compat-guard-sqlc", flag.ExitOnError)
	flags.Usage = func() {
		fmt.Fprint(os.Stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.app, "app", "", "the `name` of the application")
	flags.StringVar(&o.version, "app-version", "", "the `version` that these queries belong to")
	flags.StringVar(&o.replaces, "replaces", "", "the `version` whose place it takes")
	flags.StringVar(&o.role, "role", "", "the `role` whose privileges count, unless it is the one that registers")
	flags.StringVar(&o.searchPath, "search-path", "", "the search_`path`, unless it is that of the session")
	flags.StringVar(&o.url, "url", os.Getenv("DATABASE_URL"), "the `database`; default: DATABASE_URL, then PGHOST and so on")
	flags.Parse(args)

	if command != "contract" && command != "register" && command != "check" || flags.NArg() != 1 {
		flags.Usage()
		return exitFailed, nil
	}
	if command != "contract" && (o.app == "" || o.version == "") {
		return exitFailed, fmt.Errorf("%s needs --app and --app-version", command)
	}

	contract, err := read(flags.Arg(0), o)
	if err != nil {
		return exitFailed, err
	}
	if command == "contract" {
		return exitReady, print(contract)
	}

	ctx := context.Background()
	conn, err := pgx.Connect(ctx, o.url)
	if err != nil {
		return exitFailed, err
	}
	defer conn.Close(ctx)
	if command == "register" {
		return exitReady, register(ctx, conn, o, contract)
	}
	return check(ctx, conn, o, contract)
}

// read reads the contract that the plugin wrote, and adds what the options say.
func read(file string, o options) (map[string]any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	contract := map[string]any{}
	if err := json.Unmarshal(text, &contract); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if o.role != "" {
		contract["role"] = o.role
	}
	if o.searchPath != "" {
		contract["search_path"] = o.searchPath
	}
	return contract, nil
}

func print(contract map[string]any) error {
	text, err := encode(contract)
	os.Stdout.Write(text)
	return err
}

func register(ctx context.Context, conn *pgx.Conn, o options, contract map[string]any) error {
	var status string
	var requirements, unmet int

	err := conn.QueryRow(ctx,
		"SELECT status, requirements, unmet FROM compat_guard.register($1, $2, $3, replaces => nullif($4, ''))",
		o.app, o.version, contract, o.replaces).Scan(&status, &requirements, &unmet)
	if err == nil {
		fmt.Printf("%s %s: %s, %d requirements, %d unmet\n", o.app, o.version, status, requirements, unmet)
	}
	return err
}

func check(ctx context.Context, conn *pgx.Conn, o options, contract map[string]any) (int, error) {
	var ready bool
	var reasons []string

	err := conn.QueryRow(ctx, "SELECT ready, reasons FROM compat_guard.can_deploy($1, $2, $3)",
		o.app, o.version, contract).Scan(&ready, &reasons)
	if err != nil {
		return exitFailed, err
	}
	state, code := "ready", exitReady
	if !ready {
		state, code = "not ready", exitNotReady
	}
	fmt.Printf("%s %s: %s\n", o.app, o.version, state)
	for _, reason := range reasons {
		fmt.Println("-", reason)
	}
	return code, nil
}
