# Source this file. It defines build_image and run_image. They use Docker, or podman if no Docker engine runs. podman keeps
# its files in the folder $scratch. Its base image is built from Debian packages, so no image registry is needed.
scratch=$(mktemp -d)
build_options=()
if docker info > /dev/null 2>&1; then
    engine=(docker)
else
    engine=(podman --root "$scratch/images" --runroot "$scratch/run")
    export CONTAINERS_CONF=$scratch/containers.conf TMPDIR=$scratch
fi

prepare_engine() { # fails with a message if no image can be built
    if [ "${engine[0]}" = docker ]; then return; fi
    local tools=(podman runc mmdebstrap)
    if ! { type "${tools[@]}" || install "${tools[@]}"; } > /dev/null 2>&1; then
        echo "No Docker engine is running, and apt-get could not install ${tools[*]}, which replace it."
        return 1
    fi
    cat > "$CONTAINERS_CONF" << END # no systemd, no journald, only limits that are allowed in a container
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
END
    build_options=(--format docker --layers=false --isolation chroot --network host)
    build_options+=(--build-arg PYTHON_IMAGE=localhost/python:3.11)
    if ! { make_base && try_engine; } > "$scratch/engine.log" 2>&1; then
        tail -5 "$scratch/engine.log"
        echo "No Docker engine is running, and podman cannot build and run an image (a sandbox, or no Debian mirror)."
        return 1
    fi
    mount_package_sources
}

try_engine() { # build and run an image with one step
    mkdir "$scratch/nothing"
    printf 'FROM localhost/python:3.11\nRUN true\n' > "$scratch/nothing/Dockerfile"
    "${engine[@]}" build "${build_options[@]}" --tag localhost/nothing "$scratch/nothing" \
        && run_image --user 10001 localhost/nothing true
}

install() {
    apt-get update && apt-get install -y --no-install-recommends "$@"
}

make_base() { # Python 3.11 from Debian replaces python:3.11-slim-bookworm
    local mirror debian=('Created-By: Packages' 'Origin: Debian' 'Label: Debian')
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "${debian[@]}" | sed -n 1p)
    mmdebstrap --quiet --mode=root --variant=apt --include=python3-venv,python3-pip --dpkgopt=force-unsafe-io \
        bookworm "$scratch/base.tar" "$mirror" \
        && "${engine[@]}" import --quiet "$scratch/base.tar" localhost/python:3.11 \
        && rm "$scratch/base.tar"
}

mount_package_sources() { # pip settings and certificates of this machine, for the build only
    local path
    echo '[global]' > "$scratch/pip.conf"
    python3 -m pip config list \
        | sed -nE "s/^(global|:env:)\.([^=]+)='(.*)'$/\2 = \3/p" | sort -u -t= -k1,1 >> "$scratch/pip.conf"
    build_options+=(--volume "$scratch/pip.conf:/etc/pip.conf:ro" --volume /etc/ssl/certs:/etc/ssl/certs:ro)
    for path in $(grep -oE '/[^ ]+' "$scratch/pip.conf" | sed -E 's,^///,/,; s,/simple/?$,,' | sort -u); do
        if [ -e "$path" ] && [[ $path != /etc/ssl/certs/* ]]; then build_options+=(--volume "$path:$path:ro"); fi
    done
}

build_image() { # arguments: build options; the tag is $image
    "${engine[@]}" build "${build_options[@]}" --tag "$image" "$@" .
}

network=none
run_image() { # arguments: options, image, its arguments; runs with minimal privileges
    "${engine[@]}" run --rm --network "$network" --read-only --tmpfs /tmp --cap-drop ALL \
        --security-opt no-new-privileges "$@"
}

remove_all() { # containers, volumes and files created by the test
    if [ "${engine[0]}" = podman ]; then
        "${engine[@]}" rm --all --force --time 0 > /dev/null || true
        umount "$scratch/images/overlay" 2> /dev/null || true
    else
        docker rm --force "$name"-{mlflow,viz} > /dev/null 2>&1 || true
        docker volume rm --force "$name"-{data,mlruns,huggingface} > /dev/null || true
    fi
    rm -rf "$scratch"
}
