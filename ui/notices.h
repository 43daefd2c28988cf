// SPDX-License-Identifier: GPL-3.0-or-later
// What backends did instead of what was asked, as the window shows it: each sentence once, with how often it was said.
#pragma once

#include <QDateTime>
#include <QObject>
#include <QString>

#include <vector>

namespace attnscope {

struct Notice {
    QString sentence;
    QDateTime last; ///< said
    int times = 1;
};

/// While it lives it is the program's notice handler (core/backend.h).
class Notices : public QObject {
    Q_OBJECT

public:
    explicit Notices(QObject* parent = nullptr);
    ~Notices() override;

    const std::vector<Notice>& all() const { return m_all; } ///< the last one said first

Q_SIGNALS:
    void changed();
    void heard(const QString& sentence); ///< one that wasn't said before

private:
    void add(const QString& sentence);

    std::vector<Notice> m_all;
};

} // namespace attnscope
