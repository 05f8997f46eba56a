################################################################################
#
# abusebox
#
################################################################################

ABUSEBOX_VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' \
	$(BR2_EXTERNAL_ABUSEBOX_PATH)/../Cargo.toml | head -n 1)
ABUSEBOX_SOURCE =
ABUSEBOX_LICENSE = Apache-2.0
ABUSEBOX_LICENSE_FILES = LICENSE
ABUSEBOX_INSTALL_IMAGES = YES

ABUSEBOX_PROGRAMS = $(call qstrip,$(BR2_PACKAGE_ABUSEBOX_PROGRAMS))

define ABUSEBOX_EXTRACT_CMDS
	cp $(BR2_EXTERNAL_ABUSEBOX_PATH)/../LICENSE $(@D)/
endef

# Not before: without the programs show-info and its like still work.
define ABUSEBOX_BUILD_CMDS
	if ! grep -q ' abusebox$$' $(ABUSEBOX_PROGRAMS)/SHA256SUMS; then \
		echo "$(ABUSEBOX_PROGRAMS): no abusebox and SHA256SUMS there; \`make image\` lays them there" >&2; \
		exit 1; \
	fi
	cd $(ABUSEBOX_PROGRAMS) && sha256sum --check --strict --quiet SHA256SUMS
endef

define ABUSEBOX_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(ABUSEBOX_PROGRAMS)/abusebox \
		$(TARGET_DIR)/usr/bin/abusebox
endef

# What runs before the root is there belongs beside the kernel.
define ABUSEBOX_INSTALL_IMAGES_CMDS
	$(INSTALL) -D -m 0755 $(ABUSEBOX_PROGRAMS)/abusebox-early \
		$(BINARIES_DIR)/abusebox-early
endef

$(eval $(generic-package))
