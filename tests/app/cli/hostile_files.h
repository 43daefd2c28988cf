// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes of files that lie: safetensors and npy headers, and zip archives that inflate without end.
#pragma once

#include <QByteArray>
#include <QtEndian>

#include <array>

namespace attnscope::tests {

template <class T>
QByteArray littleEndian(T value)
{
    value = qToLittleEndian(value);
    return QByteArray(reinterpret_cast<const char*>(&value), sizeof value);
}

inline QByteArray safetensorsBytes(const QByteArray& header, const QByteArray& data)
{
    return littleEndian<quint64>(static_cast<quint64>(header.size())) + header + data;
}

inline QByteArray npyBytes(const QByteArray& dtype, const QByteArray& shape, const QByteArray& data)
{
    QByteArray header = "{'descr': '" + dtype + "', 'fortran_order': False, 'shape': " + shape + ", }";
    header += QByteArray(64 - (header.size() + 11) % 64, ' ') + '\n';
    return QByteArray("\x93NUMPY\x01\x00", 8) + littleEndian<quint16>(static_cast<quint16>(header.size())) + header + data;
}

inline quint32 crc32(const QByteArray& bytes)
{
    quint32 crc = 0xFFFFFFFFU;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int i = 0; i < 8; ++i)
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

/// A zip archive of one deflated entry.
inline QByteArray zipBytes(const QByteArray& name, const QByteArray& content)
{
    const QByteArray zlib = qCompress(content, 9).mid(4);   // without Qt's length
    const QByteArray packed = zlib.mid(2, zlib.size() - 6); // without zlib's header and checksum
    const QByteArray sizes = littleEndian(crc32(content)) + littleEndian(static_cast<quint32>(packed.size())) +
                             littleEndian(static_cast<quint32>(content.size())) + littleEndian(static_cast<quint16>(name.size()));
    const QByteArray common = QByteArray("\x14\0\0\0\x08\0\0\0\x21\0", 10) + sizes; // version 2.0, deflate, 1 January 1980
    const QByteArray local = QByteArray("PK\x03\x04", 4) + common + QByteArray(2, '\0') + name + packed;
    const QByteArray central = QByteArray("PK\x01\x02\x14\0", 6) + common + QByteArray(16, '\0') + name;
    return local + central + QByteArray("PK\x05\x06\0\0\0\0\x01\0\x01\0", 12) + littleEndian(static_cast<quint32>(central.size())) +
           littleEndian(static_cast<quint32>(local.size())) + QByteArray(2, '\0');
}

} // namespace attnscope::tests
