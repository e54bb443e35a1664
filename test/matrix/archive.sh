# Sourced: PostgreSQL of other Debian releases, from the archive this machine uses.

# Where servers are kept from one run to the next.
cache=${COMPAT_GUARD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/compat_guard}

# suite_of MAJOR: the release that has this major version.
suite_of() {
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo forky ;;
		*) echo "no Debian release known for PostgreSQL $1" >&2; return 1 ;;
	esac
}

# use_archive DIR SUITE: from here on apt-get and apt-cache see SUITE alone, as on a
# machine with no package installed.  All they keep is in DIR; the machine's own apt
# is not touched, and root is not needed.
use_archive() {
	local dir=$1 suite=$2 mirror

	# The mirror of the machine's own main archive; not the security one.
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' |
		sed -n 's/ Debian$//p' | head -n 1)
	if [ -z "$mirror" ]; then
		echo "no Debian mirror in this machine's apt sources" >&2
		return 1
	fi

	mkdir -p "$dir"/{lists,archives}/partial
	: >"$dir/status"
	printf '%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
		deb "$mirror" "$suite" deb-src "$mirror" "$suite" >"$dir/sources.list"
	# Suites in motion carry an expiry date, which a frozen mirror outlives; signatures
	# are checked all the same.
	cat >"$dir/apt.conf" <<-END
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		Dir::State::Lists "$dir/lists";
		Dir::State::Status "$dir/status";
		Dir::Cache::Archives "$dir/archives";
		Dir::Cache::PkgCache "";
		Dir::Cache::SrcPkgCache "";
		APT::Sandbox::User "$(id -un)";
		Acquire::Languages "none";
		Acquire::Check-Valid-Until "false";
		Acquire::Check-Date "false";
	END
	export APT_CONFIG=$dir/apt.conf
	apt-get update -qq
}
