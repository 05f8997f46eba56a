# What Buildroot's settings cannot say. Its recipes are expanded after this is read.

include $(sort $(wildcard $(BR2_EXTERNAL_ABUSEBOX_PATH)/package/*/*.mk))

ABUSEBOX_BOARD_DIR = $(BR2_EXTERNAL_ABUSEBOX_PATH)/../board

# Kernel and BusyBox begin with the least that their own makefiles know, as the
# development image's kernel does, and have what our fragments say on top.
LINUX_KCONFIG_DEFCONFIG = tinyconfig
BUSYBOX_KCONFIG_DEFCONFIG = allnoconfig

ifeq ($(BR2_ABUSEBOX_DEBUG),y)
LINUX_KCONFIG_FRAGMENT_FILES += $(BR2_EXTERNAL_ABUSEBOX_PATH)/debug/linux.config
BUSYBOX_KCONFIG_FRAGMENT_FILES += $(BR2_EXTERNAL_ABUSEBOX_PATH)/debug/busybox.config
BR2_ROOTFS_POST_BUILD_SCRIPT += $(BR2_EXTERNAL_ABUSEBOX_PATH)/debug/post-build.sh
endif

# Buildroot would make BusyBox setuid root. Ours has no FEATURE_SUID, and so
# would do as root whatever anybody asks of it.
define BUSYBOX_PERMISSIONS
endef

# What a fragment asks for and Kconfig dropped ends the build.
define ABUSEBOX_CHECK_LINUX_CONFIG
	$(ABUSEBOX_BOARD_DIR)/common/check-config.sh $(@D)/.config \
		$(LINUX_KCONFIG_FRAGMENT_FILES)
endef
LINUX_POST_CONFIGURE_HOOKS += ABUSEBOX_CHECK_LINUX_CONFIG

define ABUSEBOX_CHECK_BUSYBOX_CONFIG
	$(ABUSEBOX_BOARD_DIR)/common/check-config.sh $(@D)/.config \
		$(BUSYBOX_KCONFIG_FRAGMENT_FILES)
endef
BUSYBOX_POST_CONFIGURE_HOOKS += ABUSEBOX_CHECK_BUSYBOX_CONFIG

# GRUB finds its grub.cfg in /grub of the first partition, whether BIOS or UEFI
# started it. post-image.sh wants three files, of which Buildroot's own rules
# give one; the grub.cfg that they add is not ours.
ABUSEBOX_GRUB_MODULES = $(shell cat $(ABUSEBOX_BOARD_DIR)/x86_64/grub.modules)
GRUB2_PREFIX_i386-pc = (,msdos1)/grub
GRUB2_PREFIX_x86_64-efi = /grub
GRUB2_BUILTIN_MODULES_i386-pc = biosdisk $(ABUSEBOX_GRUB_MODULES)
GRUB2_BUILTIN_MODULES_x86_64-efi = $(ABUSEBOX_GRUB_MODULES)
GRUB2_CFG_i386-pc = $(GRUB2_CFG_x86_64-efi)

define ABUSEBOX_INSTALL_GRUB
	$(INSTALL) -m 0644 $(@D)/build-i386-pc/grub-core/boot.img \
		$(BINARIES_DIR)/boot.img
	$(INSTALL) -m 0644 $(GRUB2_IMAGE_x86_64-efi) $(BINARIES_DIR)/BOOTX64.EFI
endef
GRUB2_POST_INSTALL_IMAGES_HOOKS += ABUSEBOX_INSTALL_GRUB

# Whoever passes the firmware on passes on its licence.
define ABUSEBOX_INSTALL_FIRMWARE_LICENCE
	$(INSTALL) -m 0644 $(@D)/boot/LICENCE.broadcom \
		$(BINARIES_DIR)/rpi-firmware/LICENCE.broadcom
endef
RPI_FIRMWARE_POST_INSTALL_IMAGES_HOOKS += ABUSEBOX_INSTALL_FIRMWARE_LICENCE
