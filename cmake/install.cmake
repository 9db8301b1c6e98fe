# install: headers, CMake package, pkg-config files, pages. Nothing depends on the architecture, so everything goes to share/.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(gmoe_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/gmoe)

install(TARGETS gmoe EXPORT gmoe-targets FILE_SET HEADERS FILE_SET device_headers FILE_SET mpi_headers)
install(TARGETS gmoe_io EXPORT gmoe-io-targets FILE_SET HEADERS)
install(EXPORT gmoe-targets NAMESPACE gmoe:: DESTINATION ${gmoe_package_dir})
install(EXPORT gmoe-io-targets NAMESPACE gmoe:: DESTINATION ${gmoe_package_dir})

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/gmoe-config.cmake.in ${PROJECT_BINARY_DIR}/package/gmoe-config.cmake
  INSTALL_DESTINATION ${gmoe_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/package/gmoe-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/package/gmoe-config.cmake ${PROJECT_BINARY_DIR}/package/gmoe-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/device.cmake ${PROJECT_SOURCE_DIR}/cmake/providers.cmake
              ${PROJECT_SOURCE_DIR}/cmake/compiled.cmake ${PROJECT_SOURCE_DIR}/cmake/compiled.cpp
        DESTINATION ${gmoe_package_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/cmake/compiled DESTINATION ${gmoe_package_dir})

foreach(name gmoe gmoe-io gmoe-onednn gmoe-blas gmoe-thrust-host)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/package/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/package/${name}.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
endforeach()

# README.md links to docs/.
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
